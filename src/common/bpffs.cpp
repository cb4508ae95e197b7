#include "common/bpffs.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "common/libbpf_options.h"
#include "common/names.h"

namespace tally {
namespace {

bool is_bpffs(const std::string& path) {
    struct statfs status = {};
    return ::statfs(path.c_str(), &status) == 0 && status.f_type == static_cast<long>(BPF_FS_MAGIC);
}

// `ip netns exec` runs a command in a mount namespace of its own, with a fresh /sys: what the command mounts
// is seen by nobody else, not even by the shell that called it.
bool leaves_no_mounts() {
    struct stat ours = {};
    struct stat parents = {};
    return ::stat("/proc/self/ns/mnt", &ours) == 0 &&
           ::stat(fmt::format("/proc/{}/ns/mnt", ::getppid()).c_str(), &parents) == 0 &&
           ours.st_ino != parents.st_ino;
}

}  // namespace

Result<void> check_bpffs(const std::string& root) {
    struct statfs status = {};
    const std::string what = fmt::format("looking for a BPF file system at '{}'", root);
    if (::statfs(root.c_str(), &status) != 0) {
        return last_error(what).with_hint(
            fmt::format("`mkdir -p {0} && mount -t bpf bpf {0}` makes one; --bpffs DIR names another", root));
    }
    if (!is_bpffs(root)) {
        return make_error(ErrorKind::kNotFound, what, "none is mounted there")
            .with_hint(fmt::format("`mount -t bpf bpf {}` mounts it; --bpffs DIR names another", root));
    }
    return {};
}

Result<bool> ensure_bpffs(const std::string& root) {
    if (root != kDefaultBpffs || is_bpffs(root)) {
        TALLY_TRY(check_bpffs(root));
        return false;
    }
    if (leaves_no_mounts()) {
        return make_error(ErrorKind::kNotFound, fmt::format("looking for a BPF file system at {}", root),
                          "it is hidden here, and one mounted now would vanish with this command")
            .with_hint("instead of `ip netns exec NAME`, `nsenter --net=/run/netns/NAME` keeps it in sight");
    }
    // 0755: readers need no privilege to reach the pins; what may be done with a pin is its own mode's
    // matter.
    if (::mount("bpf", root.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=0755") !=
        0) {
        return last_error(fmt::format("mounting a BPF file system on {}", root))
            .with_hint(fmt::format("as root: `mount -t bpf bpf {}`; --bpffs DIR names another", root));
    }
    return true;
}

std::string interface_directory(const std::string& root, const std::string& interface) {
    return root + '/' + encode_pin_name(interface);
}

Result<UniqueFd> open_pin(const std::string& path, bool read_only) {
    struct bpf_obj_get_opts options;
    init_options(options);
    options.file_flags = read_only ? BPF_F_RDONLY : 0;
    UniqueFd fd(bpf_obj_get_opts(path.c_str(), &options));
    if (!fd) {
        return last_error(fmt::format("opening the pin {}", path));
    }
    return fd;
}

Result<UniqueFd> open_map_pin(const std::string& path, bool read_only) {
    TALLY_TRY_ASSIGN(fd, open_pin(path, read_only));
    if (object_type(fd.get()) != ObjectType::kMap) {
        return make_error(ErrorKind::kConflict, fmt::format("opening the pin {}", path), "it is not a map");
    }
    return fd;
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
    if (!directory) {
        return last_error(fmt::format("listing {}", path));
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(directory.get())) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") {
            names.push_back(name);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace tally
