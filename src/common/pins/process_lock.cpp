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

// False where somebody else has it.
Result<bool> try_lock(const UniqueFd& fd, int kind, const std::string& path) {
    if (::flock(fd.get(), kind | LOCK_NB) == 0) {
        return true;
    }
    return errno == EWOULDBLOCK ? Result<bool>(false) : last_error("locking {}", path);
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
    for (;;) {
        TALLY_ASSIGN_OR_RETURN(const bool taken, try_lock(fd, LOCK_EX, path));
        if (taken) {
            return std::optional(std::move(fd));
        }
        // Those who only ask whether it is held share it, for a moment.
        TALLY_ASSIGN_OR_RETURN(const bool shared, try_lock(fd, LOCK_SH, path));
        if (!shared) {
            return std::optional<UniqueFd>();
        }
        ::flock(fd.get(), LOCK_UN);
    }
}

Result<bool> process_lock_is_held(const std::string& path) {
    const UniqueFd fd = open_lock(path);
    if (!fd && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
        return false;
    }
    if (!fd) {
        return last_error("opening {}", path);
    }
    TALLY_ASSIGN_OR_RETURN(const bool free, try_lock(fd, LOCK_SH, path));
    return !free;
}

bool change_is_under_way(const std::string& directory) {
    if (directory.empty()) {
        return false;
    }
    const auto held = process_lock_is_held(directory + '/' + kStagingName);
    return !held || *held;
}

Result<bool> is_of_ended_run(const Meta& meta, const std::string& directory) {
    if ((meta.flags & XDP_TALLY_META_RUN) == 0) {
        return false;
    }
    TALLY_ASSIGN_OR_RETURN(const auto held, answer_of(process_lock_is_held(directory + '/' + kRunName)));
    return held && !*held;
}

}  // namespace tally
