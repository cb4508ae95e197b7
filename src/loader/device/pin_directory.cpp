// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/pin_directory.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "common/base/directory.h"
#include "common/base/exceptions.h"
#include "common/base/shell_word.h"
#include "common/pins/bpffs.h"
#include "common/pins/pin_names.h"

namespace tally::loader {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// The directory behind a descriptor, also after somebody has renamed or replaced it.
std::string path_of(const UniqueFd& fd) {
    return fmt::format("/proc/self/fd/{}", fd.get());
}

// The same with the path that a person knows.
Result<UniqueFd> named(Result<UniqueFd> pin, const std::string& path) {
    if (!pin) {
        pin.error().what = fmt::format("opening the pin {}", path);
    }
    return pin;
}

Result<std::vector<std::string>> list_open(const UniqueFd& directory, const std::string& path) {
    auto names = list_directory(path_of(directory));
    if (!names) {
        names.error().what = fmt::format("listing {}", path);
    }
    return names;
}

// Removed, or renamed, by the loader that held the lock before.
Result<bool> is_elsewhere(const UniqueFd& directory, const std::string& path) {
    struct stat ours = {};
    struct stat there = {};
    const std::string what = fmt::format("looking for {}", path);
    if (::fstat(directory.get(), &ours) != 0) {
        return last_error(what);
    }
    if (::lstat(path.c_str(), &there) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? Result<bool>(true) : last_error(what);
    }
    return ours.st_ino != there.st_ino || ours.st_dev != there.st_dev;
}

Error not_a_directory(const std::string& path) {
    return make_error(ErrorKind::kConflict, fmt::format("opening {}", path),
                      "something that is not a directory has this name");
}

Result<void> check_owner(const struct stat& status, const std::string& path) {
    const std::string what = fmt::format("checking {}", path);
    if (status.st_uid != ::geteuid() && status.st_uid != 0) {
        return make_error(ErrorKind::kConflict, what,
                          fmt::format("it belongs to user {}, who could change what is in it", status.st_uid))
            .with_hint(fmt::format("`ls -lA {0}` shows what is in it; if nobody needs that, `rm -r {0}`",
                                   shell_word(path)));
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return make_error(ErrorKind::kConflict, what, "users other than its owner may write to it")
            .with_hint(
                fmt::format("`ls -lA {0}` shows what is in it; if that is as it should be, `chmod go-w {0}`",
                            shell_word(path)));
    }
    return {};
}

// A directory that nobody else can write to; none where there is none.
Result<std::optional<UniqueFd>> open_trustworthy(int parent, const std::string& name,
                                                 const std::string& path) {
    UniqueFd directory(::openat(parent, name.c_str(), kOpenDirectory));
    if (!directory) {
        if (errno == ENOENT) {
            return std::optional<UniqueFd>();
        }
        if (errno == ENOTDIR || errno == ELOOP) {
            return not_a_directory(path);
        }
        return last_error("opening {}", path);
    }
    struct statfs filesystem = {};
    struct stat status = {};
    const std::string what = fmt::format("checking {}", path);
    if (::fstatfs(directory.get(), &filesystem) != 0 || ::fstat(directory.get(), &status) != 0) {
        return last_error(what);
    }
    if (filesystem.f_type != static_cast<long>(BPF_FS_MAGIC)) {
        return make_error(ErrorKind::kConflict, what, "it is not in a BPF file system");
    }
    TALLY_TRY(check_owner(status, path));
    return std::optional(std::move(directory));
}

// Where the file system is mounted that this path would be in.
std::string mount_point_of(std::string path) {
    struct stat inner = {};
    struct stat outer = {};
    path = directory_of(path);
    for (auto slash = path.find_last_of('/'); slash != std::string::npos && slash > 0;
         slash = path.find_last_of('/')) {
        if (::stat(path.c_str(), &inner) == 0 && ::stat(path.substr(0, slash).c_str(), &outer) == 0 &&
            inner.st_dev != outer.st_dev) {
            break;
        }
        path.erase(slash);
    }
    return path;
}

// Why the kernel does not let this process make it (errno). `beside_others`: it is no part of a pin
// directory.
Error explain_creation(const std::string& path, bool beside_others) {
    auto error = last_error("creating {}", path);
    if (error.code == EROFS) {
        error.hint = fmt::format("`mount -o remount,rw {}` lets it be written to; --bpffs DIR names another",
                                 shell_word(mount_point_of(path)));
    } else if (error.code == EACCES && beside_others) {
        error.hint = fmt::format("as root, `install -d -o {} {}` makes a directory that this user can pin in",
                                 ::geteuid(), shell_word(path));
    }
    return error;
}

// mkdir with exactly this mode, whatever the umask; an existing directory will do.
// True where it was not there before.
Result<bool> make_directory(int parent, const std::string& name, mode_t mode, const std::string& path) {
    if (::mkdirat(parent, name.c_str(), mode) == 0) {
        if (::fchmodat(parent, name.c_str(), mode, 0) != 0) {
            const int code = errno;
            if (code == ENOENT) {
                return false;  // empty as it was, another loader has removed it: the caller will miss it
            }
            ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
            return system_error(code, fmt::format("setting the mode of {}", path));
        }
        return true;
    }
    if (errno == EEXIST) {
        return false;
    }
    return explain_creation(path, parent == AT_FDCWD);
}

// False where somebody else has the lock, and it is not to be waited for. A signal is no reason to give up.
Result<bool> lock_file(const UniqueFd& file, int operation, const std::string& path) {
    while (::flock(file.get(), operation) != 0) {
        if (errno == EWOULDBLOCK) {
            return false;
        }
        if (errno != EINTR) {
            return last_error("locking {}", path);
        }
    }
    return true;
}

// False also where one of them was removed meanwhile.
Result<bool> lock_both(const UniqueFd& directory, const std::string& path, const UniqueFd& staging,
                       const std::string& staging_path, int operation) {
    TALLY_ASSIGN_OR_RETURN(const bool locked, lock_file(staging, operation, staging_path));
    if (!locked) {
        return false;
    }
    TALLY_ASSIGN_OR_RETURN(const bool staging_went, is_elsewhere(staging, staging_path));
    TALLY_ASSIGN_OR_RETURN(const bool directory_went, is_elsewhere(directory, path));
    return !staging_went && !directory_went;
}

// After a lock that failed. Another loader may be in it by now: who removes it must have the lock after all.
void remove_own_staging(const UniqueFd& directory, const UniqueFd& staging, const std::string& path) {
    if (::flock(staging.get(), LOCK_EX | LOCK_NB) != 0) {
        return;
    }
    if (const auto went = is_elsewhere(staging, path); went && !*went) {
        ::unlinkat(directory.get(), kStagingName, AT_REMOVEDIR);
    }
}

template <typename Lock>
auto lock_where_they_are(const NetnsContext& context, const Interface& interface, std::string directory,
                         const Lock& lock) -> decltype(lock(std::string())) {
    for (;;) {
        auto pins = lock(directory);
        if (!pins) {
            return pins;
        }
        TALLY_ASSIGN_OR_RETURN(std::string now, context.pins_of(interface));
        if (now == directory) {
            return pins;
        }
        directory = std::move(now);
    }
}

}  // namespace

Result<PinDirectory> PinDirectory::lock(const std::string& path) {
    for (;;) {
        TALLY_ASSIGN_OR_RETURN(auto directory, try_lock(path, Create::kYes, Wait::kYes));
        if (directory) {
            return std::move(*directory);
        }
    }
}

Result<std::optional<PinDirectory>> PinDirectory::lock_existing(const std::string& path) {
    for (;;) {
        TALLY_ASSIGN_OR_RETURN(auto directory, try_lock(path, Create::kNo, Wait::kYes));
        if (directory) {
            return directory;
        }
        TALLY_ASSIGN_OR_RETURN(const bool there, path_exists(path));
        if (!there) {
            return std::optional<PinDirectory>();
        }
    }
}

Result<std::optional<PinDirectory>> PinDirectory::lock_if_free(const std::string& path) {
    return try_lock(path, Create::kNo, Wait::kNo);
}

// None where the directory was removed under our hands by the loader that held the lock before: try again.
// And where the lock is held, if that is not to be waited for.
Result<std::optional<PinDirectory>> PinDirectory::try_lock(const std::string& path, Create create_option,
                                                           Wait wait) {
    const bool create = create_option == Create::kYes;
    PinDirectory self;
    self.path_ = path;
    self.parent_ = namespace_directory_of(path);
    if (!self.parent_.empty()) {
        if (create) {
            TALLY_TRY(make_directory(AT_FDCWD, self.parent_, 0755, self.parent_));
        }
        TALLY_ASSIGN_OR_RETURN(auto parent, open_trustworthy(AT_FDCWD, self.parent_, self.parent_));
        if (!parent) {
            return std::optional<PinDirectory>();
        }
    }
    if (create) {
        const auto created = make_directory(AT_FDCWD, path, 0755, path);
        if (!created && created.error().code == ENOENT && !self.parent_.empty()) {
            return std::optional<PinDirectory>();  // the namespace's directory went
        }
        if (!created) {
            self.remove_empty_parent();
            return created.error();
        }
        self.created_ = *created;
    }
    auto directory = without_exceptions([&] { return open_trustworthy(AT_FDCWD, path, path); });
    if (!directory) {
        if (self.created_) {
            ::rmdir(path.c_str());
            self.remove_empty_parent();
        }
        return directory.error();
    }
    if (!*directory) {
        return std::optional<PinDirectory>();
    }
    self.directory_ = std::move(**directory);
    const std::string staging_path = fmt::format("{}/{}", path, kStagingName);
    const auto made = make_directory(self.directory_.get(), kStagingName, 0700, staging_path);
    if (!made) {
        if (made.error().code == ENOENT) {
            return std::optional<PinDirectory>();
        }
        return made.error();
    }
    auto opened = without_exceptions(
        [&] { return open_trustworthy(self.directory_.get(), kStagingName, staging_path); });
    if (!opened) {
        if (*made) {
            ::unlinkat(self.directory_.get(), kStagingName, AT_REMOVEDIR);
        }
        return opened.error();
    }
    if (!*opened) {
        return std::optional<PinDirectory>();
    }
    UniqueFd& staging = **opened;
    const int operation = wait == Wait::kYes ? LOCK_EX : LOCK_EX | LOCK_NB;
    const auto locked = without_exceptions(
        [&] { return lock_both(self.directory_, path, staging, staging_path, operation); });
    if (!locked) {
        if (*made) {
            remove_own_staging(self.directory_, staging, staging_path);
        }
        return locked.error();
    }
    if (!*locked) {
        return std::optional<PinDirectory>();
    }
    self.staging_ = std::move(staging);
    return std::optional(std::move(self));
}

Result<void> PinDirectory::check(const std::string& path) {
    if (const auto parent = namespace_directory_of(path); !parent.empty()) {
        TALLY_TRY(open_trustworthy(AT_FDCWD, parent, parent));
    }
    TALLY_ASSIGN_OR_RETURN(auto directory, open_trustworthy(AT_FDCWD, path, path));
    if (!directory) {
        return {};
    }
    // Looked at from outside: only its owner can open it.
    struct stat staging = {};
    if (::fstatat(directory->get(), kStagingName, &staging, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? Result<void>() : last_error("checking {}/{}", path, kStagingName);
    }
    const std::string staging_path = fmt::format("{}/{}", path, kStagingName);
    if (!S_ISDIR(staging.st_mode)) {
        return not_a_directory(staging_path);
    }
    return check_owner(staging, staging_path);
}

Result<void> PinDirectory::check_may_create(const std::string& path) {
    std::string missing = fmt::format("{}/{}", path, kStagingName);
    for (bool beside_others = false;; beside_others = true) {
        std::string parent = directory_of(missing);
        if (::faccessat(AT_FDCWD, parent.c_str(), W_OK | X_OK, AT_EACCESS) == 0) {
            return {};
        }
        if (errno != ENOENT) {
            return explain_creation(missing, beside_others);
        }
        missing = std::move(parent);
    }
}

PinDirectory::~PinDirectory() {
    if (!directory_) {
        return;  // moved from, or never opened
    }
    if (staging_ && !leave_staged_ && std::uncaught_exceptions() == 0) {
        // Listing them takes memory and a descriptor, which may be what this change failed for.
        const auto names = without_exceptions([this] { return staged(); });
        for (const auto& name : names ? *names : staged_here_) {
            ::unlinkat(staging_.get(), name.c_str(), 0);
        }
    }
    // Both fail where something is left inside, which is what is wanted.
    if (staging_) {
        ::unlinkat(directory_.get(), kStagingName, AT_REMOVEDIR);
    }
    if (staging_ || created_) {
        ::rmdir(path_.c_str());
        remove_empty_parent();
    }
}

void PinDirectory::remove_empty_parent() const {
    if (!parent_.empty()) {
        ::rmdir(parent_.c_str());
    }
}

Result<std::vector<std::string>> PinDirectory::pins() const {
    TALLY_ASSIGN_OR_RETURN(const auto names, list_open(directory_, path_));
    std::vector<std::string> pins;
    for (const auto& name : names) {
        TALLY_ASSIGN_OR_RETURN(const bool found, is_pin(name));
        if (found) {
            pins.push_back(name);
        }
    }
    return pins;
}

Result<bool> PinDirectory::is_pin(const std::string& name) const {
    struct stat status = {};
    if (::fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? Result<bool>(false) : last_error("looking at {}/{}", path_, name);
    }
    return S_ISREG(status.st_mode);
}

Result<std::vector<std::string>> PinDirectory::staged() const {
    return list_open(staging_, fmt::format("{}/{}", path_, kStagingName));
}

Result<UniqueFd> PinDirectory::open(const std::string& pin, bool read_only) const {
    return named(open_pin(path_of(directory_) + '/' + pin, read_only), path_ + '/' + pin);
}

Result<UniqueFd> PinDirectory::open_staged(const std::string& pin, bool read_only) const {
    return named(open_pin(path_of(staging_) + '/' + pin, read_only), staged_path(pin));
}

Result<std::optional<MapInfo>> PinDirectory::find_map(const std::string& pin) const {
    TALLY_ASSIGN_OR_RETURN(const bool found, is_pin(pin));
    if (!found) {
        return std::optional<MapInfo>();
    }
    const auto fd = open(pin, true);
    if (!fd && fd.error().code != ENOENT && fd.error().code != EINVAL) {  // EINVAL: a link, not to be read
        return fd.error();
    }
    if (!fd) {
        return std::optional<MapInfo>();
    }
    TALLY_ASSIGN_OR_RETURN(const auto type, object_type(fd->get()));
    if (type != ObjectType::kMap) {
        return std::optional<MapInfo>();
    }
    TALLY_ASSIGN_OR_RETURN(auto info, map_info(fd->get()));
    return std::optional(std::move(info));
}

std::string PinDirectory::staged_path(const std::string& pin) const {
    return fmt::format("{}/{}/{}", path_, kStagingName, pin);
}

Result<void> PinDirectory::set_staged_mode(const std::string& pin, mode_t mode) {
    if (::fchmodat(staging_.get(), pin.c_str(), mode, 0) != 0) {
        return last_error("setting the mode of {}/{}/{}", path_, kStagingName, pin);
    }
    return {};
}

Result<void> PinDirectory::stage(int fd, const std::string& pin) {
    staged_here_.push_back(pin);
    if (bpf_obj_pin(fd, (path_of(staging_) + '/' + pin).c_str()) != 0) {
        return last_error("pinning {}/{}/{}", path_, kStagingName, pin);
    }
    auto protected_now = set_staged_mode(pin, kOwnerOnly);  // whatever the umask
    if (!protected_now) {
        ::unlinkat(staging_.get(), pin.c_str(), 0);  // of a link, it would keep the program attached
    }
    return protected_now;
}

Result<void> PinDirectory::publish(const std::string& staged, const std::string& pin, mode_t mode) {
    TALLY_TRY(set_staged_mode(staged, mode));
    if (::renameat(staging_.get(), staged.c_str(), directory_.get(), pin.c_str()) != 0) {
        return last_error("renaming {0}/{1}/{2} to {0}/{3}", path_, kStagingName, staged, pin);
    }
    return {};
}

Result<void> PinDirectory::remove(const std::string& pin) {
    if (::unlinkat(directory_.get(), pin.c_str(), 0) != 0) {
        return last_error("removing {}/{}", path_, pin);
    }
    return {};
}

Result<void> PinDirectory::rename(const std::string& path) {
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0) {
        return last_error("renaming {} to {}", path_, path);
    }
    path_ = path;
    return {};
}

Result<void> PinDirectory::remove_staged(const std::string& pin) {
    if (::unlinkat(staging_.get(), pin.c_str(), 0) != 0) {
        return last_error("removing {}/{}/{}", path_, kStagingName, pin);
    }
    return {};
}

Result<PinDirectory> lock_pins_of(const NetnsContext& context, const Interface& interface) {
    TALLY_ASSIGN_OR_RETURN(auto directory, context.pins_of(interface));
    return lock_where_they_are(context, interface, std::move(directory), &PinDirectory::lock);
}

Result<std::optional<PinDirectory>> lock_existing_pins_of(const NetnsContext& context,
                                                          const Interface& interface, std::string directory) {
    return lock_where_they_are(context, interface, std::move(directory), &PinDirectory::lock_existing);
}

}  // namespace tally::loader
