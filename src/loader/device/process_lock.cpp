// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/process_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace tally::loader {
namespace {

UniqueFd open_lock(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

Result<std::optional<UniqueFd>> take_process_lock(const std::string& path) {
    if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return last_error(fmt::format("creating {}", path));
    }
    UniqueFd fd = open_lock(path);
    if (!fd) {
        return last_error(fmt::format("opening {}", path));
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

}  // namespace tally::loader
