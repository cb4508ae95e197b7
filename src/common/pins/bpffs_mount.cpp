// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/bpffs_mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/directory.h"
#include "common/base/shell_word.h"
#include "common/base/shown_paths.h"
#include "common/base/unique_fd.h"
#include "common/network/netns.h"
#include "common/pins/netns_pin_name.h"

namespace tally {
namespace {

// 0 where it has none that this process may know of.
Result<pid_t> parent_of(pid_t pid) {
    constexpr std::string_view kField = "\nPPid:";
    TALLY_ASSIGN_OR_RETURN(const auto text, answer_of(read_file(fmt::format("/proc/{}/status", pid))));
    if (!text) {
        return 0;
    }
    const auto at = text->find(kField);
    return at == std::string::npos
               ? 0
               : static_cast<pid_t>(std::strtol(text->c_str() + at + kField.size(), nullptr, 10));
}

// The callers of this process, the nearest first, as far as they are in this process namespace.
Result<std::vector<pid_t>> ancestors() {
    std::vector<pid_t> found;
    for (pid_t pid = ::getppid(); pid > 0;) {
        found.push_back(pid);
        TALLY_ASSIGN_OR_RETURN(pid, parent_of(pid));
    }
    return found;
}

// None where nothing is there that this process may look at.
Result<std::optional<dev_t>> device_of(const std::string& path) {
    TALLY_ASSIGN_OR_RETURN(const auto status, answer_of(status_of(path)));
    return status ? std::optional(status->st_dev) : std::nullopt;
}

Result<std::optional<ino_t>> mount_namespace_of(std::string_view process) {
    TALLY_ASSIGN_OR_RETURN(const auto status, answer_of(status_of(fmt::format("/proc/{}/ns/mnt", process))));
    return status ? std::optional(status->st_ino) : std::nullopt;
}

std::string seen_by(pid_t pid, const std::string& path) {
    return fmt::format("/proc/{}/root{}", pid, path);
}

// A process whose root this one may not look at is none that has one.
Result<bool> has_bpffs(const std::string& path) {
    TALLY_ASSIGN_OR_RETURN(const auto there, answer_of(is_bpffs(path)));
    return there.value_or(false);
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

Result<std::optional<std::string>> seen_by_ancestors(const std::string& root) {
    std::optional<dev_t> instance;
    std::optional<std::string> path;
    TALLY_ASSIGN_OR_RETURN(const auto callers, ancestors());
    for (const pid_t pid : callers) {
        const std::string candidate = seen_by(pid, root);
        TALLY_ASSIGN_OR_RETURN(const auto device, device_of(candidate));
        TALLY_ASSIGN_OR_RETURN(const bool there, has_bpffs(candidate));
        if (there && (!instance || device == instance)) {
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
Result<std::optional<pid_t>> caller_of_netns_exec() {
    const std::optional<pid_t> none;
    TALLY_ASSIGN_OR_RETURN(const auto netns, answer_of(current_netns_inode()));
    if (!netns) {
        return none;
    }
    TALLY_ASSIGN_OR_RETURN(const auto name, netns_pin_name(*netns, kDefaultBpffs));
    TALLY_ASSIGN_OR_RETURN(const auto own, mount_namespace_of("self"));
    if (name.empty() || !own) {
        return none;
    }
    TALLY_ASSIGN_OR_RETURN(const auto callers, ancestors());
    for (const pid_t pid : callers) {
        TALLY_ASSIGN_OR_RETURN(const auto theirs, mount_namespace_of(std::to_string(pid)));
        if (theirs && *theirs != *own) {
            return std::optional(pid);
        }
    }
    return none;
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
Result<bool> take_that_of_ancestors(BpffsRoot& root) {
    if (!root.caller) {
        return false;
    }
    TALLY_ASSIGN_OR_RETURN(auto path, seen_by_ancestors(root.path));
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
    TALLY_ASSIGN_OR_RETURN(const bool mounted, is_bpffs(root.path));
    return mounted ? Result<bool>(true) : take_that_of_ancestors(root);
}

}  // namespace

Result<BpffsRoot> locate_bpffs(const std::string& root) {
    if (root != kDefaultBpffs) {
        return BpffsRoot{root, std::nullopt};
    }
    TALLY_ASSIGN_OR_RETURN(const bool there, has_bpffs(root));
    if (there) {
        return BpffsRoot{root, std::nullopt};
    }
    TALLY_ASSIGN_OR_RETURN(const auto caller, caller_of_netns_exec());
    if (!caller) {
        return BpffsRoot{root, std::nullopt};  // nothing hides it: it is not mounted
    }
    TALLY_ASSIGN_OR_RETURN(auto path, seen_by_ancestors(root));
    return path ? BpffsRoot{std::move(*path), std::nullopt} : BpffsRoot{root, caller};
}

Result<bool> ends_with_mount_namespace(const BpffsRoot& root) {
    TALLY_ASSIGN_OR_RETURN(const auto own, mount_namespace_of("self"));
    TALLY_ASSIGN_OR_RETURN(const auto inits, mount_namespace_of("1"));
    if (!own || !inits || *inits == *own) {
        return false;
    }
    bool elsewhere = false;
    TALLY_ASSIGN_OR_RETURN(const auto instance, device_of(root.path));
    TALLY_ASSIGN_OR_RETURN(const auto callers, ancestors());
    for (const pid_t pid : callers) {
        TALLY_ASSIGN_OR_RETURN(const auto theirs, mount_namespace_of(std::to_string(pid)));
        if (!theirs || *theirs == *own) {
            continue;
        }
        elsewhere = true;
        TALLY_ASSIGN_OR_RETURN(const auto seen_there, device_of(seen_by(pid, root.path)));
        if (seen_there == instance) {
            return false;
        }
    }
    return elsewhere;
}

Result<void> check_bpffs(const BpffsRoot& root) {
    const std::string what = fmt::format("looking for a BPF file system at '{}'", root.path);
    if (root.caller) {
        return make_error(ErrorKind::kNotFound, what,
                          "`ip netns exec` hides it, and no calling process has one")
            .with_hint(
                "outside of it: `mount -t bpf -o mode=0755 bpf /sys/fs/bpf`, or use --netns NAME there");
    }
    auto there = look_for_bpffs(root.path);
    if (!there) {
        if (there.error().code == EPERM) {
            // So a bpffs answers for a name with a dot, whoever asks; a lack of permission is EACCES.
            return make_error(ErrorKind::kNotFound, what, "names in a BPF file system cannot contain a dot");
        }
        if (there.error().code == ENOENT) {
            there.error().hint = fmt::format(
                "as root, `mkdir -p {0} && mount -t bpf -o mode=0755 bpf {0}` makes one; --bpffs DIR names "
                "another",
                shell_word(root.path));
        }
        return std::move(there).error();
    }
    if (!*there) {
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

Result<void> ensure_bpffs(BpffsRoot& root) {
    static std::mutex one_at_a_time;  // of the threads of this process
    const std::scoped_lock in_process(one_at_a_time);
    TALLY_TRY(check_named_bpffs(root));
    TALLY_ASSIGN_OR_RETURN(bool there, is_there(root));
    if (there) {
        return {};
    }
    const auto lock = MountLock::take();
    if (!lock) {
        return cannot_mount(lock.error(), root);
    }
    TALLY_ASSIGN_OR_RETURN(there, is_there(root));
    if (there) {
        return {};  // mounted by who had the lock before
    }
    const int code = root.caller ? mount_bpffs_for(*root.caller, root.path) : mount_bpffs(root.path);
    if (code != 0) {
        return cannot_mount(system_error(code, ""), root);
    }
    const auto taken = take_that_of_ancestors(root);
    root.mounted = "mounted a BPF file system on " + root.path;
    return taken ? Result<void>() : taken.error();
}

}  // namespace tally
