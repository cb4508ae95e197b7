// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/process_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/pins/pin_names.h"

namespace tally {
namespace {

UniqueFd open_lock(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

Result<std::optional<UniqueFd>> take_process_lock(const std::string& path) {
    if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return last_error("creating {}", path);
    }
    UniqueFd fd = open_lock(path);
    if (!fd) {
        return last_error("opening {}", path);
    }
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        // Those who only ask whether it is held share it, for a moment.
        if (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
            return std::optional<UniqueFd>();
        }
        ::flock(fd.get(), LOCK_UN);
    }
    return std::optional(std::move(fd));
}

std::optional<bool> process_lock_is_held(const std::string& path) {
    const UniqueFd fd = open_lock(path);
    if (!fd) {
        return errno == EACCES || errno == EPERM ? std::nullopt : std::optional(false);
    }
    return ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0;
}

bool is_of_ended_run(const Meta& meta, const std::string& directory) {
    return (meta.flags & XDP_TALLY_META_RUN) != 0 &&
           process_lock_is_held(directory + '/' + kRunName) == false;
}

}  // namespace tally
