// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/bpffs_mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/directory.h"
#include "common/base/shell_word.h"
#include "common/base/shown_paths.h"
#include "common/base/unique_fd.h"
#include "common/kernel/netns.h"
#include "common/pins/netns_pin_name.h"

namespace tally {
namespace {

pid_t parent_of(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("PPid:")) {
            return static_cast<pid_t>(std::strtol(line.c_str() + std::strlen("PPid:"), nullptr, 10));
        }
    }
    return 0;
}

// The callers of this process, the nearest first, as far as they are in this process namespace.
std::vector<pid_t> ancestors() {
    std::vector<pid_t> found;
    for (pid_t pid = ::getppid(); pid > 0; pid = parent_of(pid)) {
        found.push_back(pid);
    }
    return found;
}

std::optional<dev_t> device_of(const std::string& path) {
    struct stat status = {};
    return ::stat(path.c_str(), &status) == 0 ? std::optional(status.st_dev) : std::nullopt;
}

// None where that cannot be told.
std::optional<ino_t> mount_namespace_of(std::string_view process) {
    struct stat status = {};
    return ::stat(fmt::format("/proc/{}/ns/mnt", process).c_str(), &status) == 0
               ? std::optional(status.st_ino)
               : std::nullopt;
}

std::string seen_by(pid_t pid, const std::string& path) {
    return fmt::format("/proc/{}/root{}", pid, path);
}

// Where whoever called this process sees the same file system on `root`, that is what it is called.
void show_as_seen_by_parent(const std::string& path, const std::string& root) {
    struct stat ours = {};
    struct stat theirs = {};
    const bool same = ::stat(path.c_str(), &ours) == 0 &&
                      ::stat(seen_by(::getppid(), root).c_str(), &theirs) == 0 &&
                      ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
    if (same) {
        show_path_as(path, root);
    }
}

std::optional<std::string> seen_by_ancestors(const std::string& root) {
    std::optional<dev_t> instance;
    std::optional<std::string> path;
    for (const pid_t pid : ancestors()) {
        const std::string candidate = seen_by(pid, root);
        const auto device = device_of(candidate);
        if (is_bpffs(candidate) && (!instance || device == instance)) {
            instance = device;
            path = candidate;
        }
    }
    if (path) {
        show_as_seen_by_parent(*path, root);
    }
    return path;
}

// The nearest ancestor with another mount namespace, where this one is `ip netns exec`'s: what is mounted
// here is seen by nobody else, not even by the shell that called it.
std::optional<pid_t> caller_of_netns_exec() {
    const auto netns = current_netns_inode();
    if (!netns || netns_pin_name(*netns, kDefaultBpffs).empty()) {
        return std::nullopt;
    }
    const auto own = mount_namespace_of("self");
    for (const pid_t pid : own ? ancestors() : std::vector<pid_t>()) {
        if (mount_namespace_of(std::to_string(pid)).value_or(*own) != *own) {
            return pid;
        }
    }
    return std::nullopt;
}

// 0755: readers need no privilege to reach the pins; what may be done with a pin is its own mode's matter.
int mount_bpffs(const std::string& root) {
    constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME;
    return ::mount("bpf", root.c_str(), "bpf", kFlags, "mode=0755") == 0 ? 0 : errno;
}

// The same in another process's mount namespace, by a child process: its errno is the exit status.
int mount_bpffs_for(pid_t pid, const std::string& root) {
    const UniqueFd mounts(::open(fmt::format("/proc/{}/ns/mnt", pid).c_str(), O_RDONLY | O_CLOEXEC));
    // By a descriptor: paths of that process may begin elsewhere than those of its mount namespace (chroot).
    const UniqueFd context(::open(seen_by(pid, root).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!mounts || !context) {
        return errno;
    }
    const pid_t child = ::fork();
    if (child < 0) {
        return errno;
    }
    if (child == 0) {
        const bool there = ::setns(mounts.get(), CLONE_NEWNS) == 0 && ::fchdir(context.get()) == 0;
        ::_exit(there ? mount_bpffs(".") : errno);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

// Where `ip netns exec` hides the root: true if a caller has one by now, which is that root from then on.
bool take_that_of_ancestors(BpffsRoot& root) {
    auto path = root.caller ? seen_by_ancestors(root.path) : std::nullopt;
    if (path) {
        root = {std::move(*path), std::nullopt};
    }
    return path.has_value();
}

Error cannot_mount(const Error& why, const BpffsRoot& root) {
    Error error = why;
    error.what = fmt::format("mounting a BPF file system on {}", root.path);
    if (!why.what.empty()) {
        error.reason = why.what + ": " + why.reason;
    }
    return std::move(error).with_hint(
        fmt::format("as root{}: `mount -t bpf -o mode=0755 bpf {}`; --bpffs DIR names another",
                    root.caller ? ", outside `ip netns exec`" : "", shell_word(root.path)));
}

// A second mount would hide what is pinned in the first, so they are made one after the other by all loaders
// of the machine. A file, as all network namespaces share it, and 0600, as who holds the lock keeps the
// others waiting. It goes with the lock.
class MountLock {
  public:
    static Result<MountLock> take() {
        for (;;) {
            MountLock lock;
            lock.fd_ = UniqueFd(::open(kPath, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
            struct stat ours = {};
            if (!lock.fd_ || ::fstat(lock.fd_.get(), &ours) != 0) {
                return last_error("opening {}", kPath);
            }
            if (ours.st_uid != 0 || (ours.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
                return make_error(ErrorKind::kConflict, fmt::format("opening {}", kPath),
                                  "others than root can open it");
            }
            while (::flock(lock.fd_.get(), LOCK_EX) != 0) {
                if (errno != EINTR) {
                    return last_error("locking {}", kPath);
                }
            }
            struct stat there = {};
            if (::lstat(kPath, &there) == 0 && there.st_ino == ours.st_ino && there.st_dev == ours.st_dev) {
                lock.held_ = true;
                return lock;
            }
        }
    }

    MountLock(MountLock&& other) noexcept
        : fd_(std::move(other.fd_)), held_(std::exchange(other.held_, false)) {}
    MountLock& operator=(MountLock&&) = delete;
    ~MountLock() {
        if (held_) {
            ::unlink(kPath);
        }
    }

  private:
    static constexpr const char* kPath = "/run/xdp_loader.mount.lock";

    MountLock() = default;

    UniqueFd fd_;
    bool held_ = false;
};

// True where the root is a bpffs, or a caller has one by now.
Result<bool> is_there(BpffsRoot& root) {
    TALLY_ASSIGN_OR_RETURN(const bool mounted, check_is_bpffs(root.path));
    return mounted || take_that_of_ancestors(root);
}

}  // namespace

BpffsRoot locate_bpffs(const std::string& root) {
    if (root != kDefaultBpffs || is_bpffs(root)) {
        return {root, std::nullopt};
    }
    const auto caller = caller_of_netns_exec();
    if (!caller) {
        return {root, std::nullopt};  // nothing hides it: it is not mounted
    }
    if (auto path = seen_by_ancestors(root)) {
        return {std::move(*path), std::nullopt};
    }
    return {root, caller};
}

bool ends_with_mount_namespace(const BpffsRoot& root) {
    const auto own = mount_namespace_of("self");
    if (!own || mount_namespace_of("1").value_or(*own) == *own) {
        return false;
    }
    bool elsewhere = false;
    const auto instance = device_of(root.path);
    for (const pid_t pid : ancestors()) {
        if (mount_namespace_of(std::to_string(pid)).value_or(*own) != *own) {
            elsewhere = true;
            if (device_of(seen_by(pid, root.path)) == instance) {
                return false;
            }
        }
    }
    return elsewhere;
}

Result<void> check_bpffs(const BpffsRoot& root) {
    struct statfs status = {};
    const std::string what = fmt::format("looking for a BPF file system at '{}'", root.path);
    if (root.caller) {
        return make_error(ErrorKind::kNotFound, what,
                          "`ip netns exec` hides it, and no calling process has one")
            .with_hint(
                "outside of it: `mount -t bpf -o mode=0755 bpf /sys/fs/bpf`, or use --netns NAME there");
    }
    if (::statfs(root.path.c_str(), &status) != 0) {
        if (errno == EPERM) {
            // So a bpffs answers for a name with a dot, whoever asks; a lack of permission is EACCES.
            return make_error(ErrorKind::kNotFound, what, "names in a BPF file system cannot contain a dot");
        }
        auto error = last_error(what);
        if (error.code == ENOENT) {
            error.hint = fmt::format(
                "as root, `mkdir -p {0} && mount -t bpf -o mode=0755 bpf {0}` makes one; --bpffs DIR names "
                "another",
                shell_word(root.path));
        }
        return error;
    }
    if (!is_bpffs(root.path)) {
        // Nobody is told to hide what is in a directory.
        const auto names = list_directory(root.path);
        const bool can_be_mounted = names && names->empty();
        return make_error(ErrorKind::kNotFound, what, "no BPF file system is mounted there")
            .with_hint(fmt::format(
                "{}--bpffs DIR names another",
                can_be_mounted ? fmt::format("as root, `mount -t bpf -o mode=0755 bpf {}` mounts one; ",
                                             shell_word(root.path))
                               : "`findmnt -t bpf` lists those that are mounted; "));
    }
    return {};
}

Result<void> check_named_bpffs(const BpffsRoot& root) {
    return root.path == kDefaultBpffs ? Result<void>() : check_bpffs(root);
}

Result<bool> ensure_bpffs(BpffsRoot& root) {
    static std::mutex one_at_a_time;  // of the threads of this process
    const std::scoped_lock in_process(one_at_a_time);
    TALLY_TRY(check_named_bpffs(root));
    TALLY_ASSIGN_OR_RETURN(bool there, is_there(root));
    if (there) {
        return false;
    }
    const auto lock = MountLock::take();
    if (!lock) {
        return cannot_mount(lock.error(), root);
    }
    TALLY_ASSIGN_OR_RETURN(there, is_there(root));
    if (there) {
        return false;  // mounted by who had the lock before
    }
    const int code = root.caller ? mount_bpffs_for(*root.caller, root.path) : mount_bpffs(root.path);
    if (code != 0) {
        return cannot_mount(system_error(code, ""), root);
    }
    take_that_of_ancestors(root);
    return true;
}

}  // namespace tally
