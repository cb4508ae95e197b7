// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/start/descriptor_limit.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <optional>

#include "common/base/unique_fd.h"

namespace tally {
namespace {

std::optional<rlimit> g_inherited;

Error too_many_open(const std::string& what, rlim_t limit) {
    auto error = system_error(EMFILE, what);
    error.reason = fmt::format("the {} descriptors that this process may have open are not enough", limit);
    error.hint = fmt::format(
        "`ulimit -n {}` in root's shell, before the command, or LimitNOFILE={} in its "
        "systemd unit allows more",
        limit * 4, limit * 4);
    return error;
}

}  // namespace

void raise_descriptor_limit() {
    rlimit limit = {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) {
        return;
    }
    g_inherited = limit;
    limit.rlim_cur = limit.rlim_max;
    // A sandbox may forbid it. Then what does not fit is an error.
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

void restore_descriptor_limit() {
    if (g_inherited) {
        static_cast<void>(::setrlimit(RLIMIT_NOFILE, &*g_inherited));
    }
}

Result<void> check_free_descriptors(std::size_t count, const std::string& what) {
    rlimit limit = {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return {};  // nobody knows
    }
    // A new descriptor is the lowest free number, so at most that many are open.
    const UniqueFd lowest(::eventfd(0, EFD_CLOEXEC));
    if (!lowest) {
        return errno == EMFILE ? too_many_open(what, limit.rlim_cur) : last_error(what);
    }
    if (limit.rlim_cur - static_cast<rlim_t>(lowest.get()) < count) {
        return too_many_open(what, limit.rlim_cur);
    }
    return {};
}

}  // namespace tally
