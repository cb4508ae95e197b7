// The BPF file system: its root, and the pins below it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/kernel_object.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace tally {

inline constexpr const char* kDefaultBpffs = "/sys/fs/bpf";
// In an interface's directory while a loader changes its pins; no pin can have this name.
inline constexpr const char* kStagingName = "+staging";
// The same while an observed interface is followed: the lock of the process that does.
inline constexpr const char* kFollowerName = "+follower";

struct BpffsRoot {
    std::string path;  // as this process reaches it
    // Of the `ip netns exec` that hides it, where no caller has one: to mount it for.
    std::optional<pid_t> caller;
};

// `ip netns exec` hides the host's bpffs behind a fresh sysfs. Where it hides the default root, the
// one that the nearest ancestor process sees there: as /proc/PID/root/sys/fs/bpf, through the oldest ancestor
// that sees the same one, so that the path lasts. Any other root is returned as it is. To be called in the
// network namespace that the process was started in.
BpffsRoot locate_bpffs(const std::string& root);

// Whether the path is in a BPF file system.
bool is_bpffs(const std::string& path);

// kNotFound where the root is missing or is no bpffs; the hint says how to mount one.
Result<void> check_bpffs(const BpffsRoot& root);

// The same, but the default root may be missing: a load mounts it.
Result<void> check_named_bpffs(const BpffsRoot& root);

// Mounts a bpffs on the default root if none is there; true when it did. Where it would vanish with the
// command (`ip netns exec`), in the mount namespace of the process that called it, unless it has one by now;
// the path changes accordingly, also then. Any other root must be one already.
Result<bool> ensure_bpffs(BpffsRoot& root);

// BPF_OBJ_GET. Links cannot be opened read-only; maps can, with read permission alone (BPF_F_RDONLY, 4.15).
Result<UniqueFd> open_pin(const std::string& path, bool read_only);
// The same for what must be a map: kConflict where the pin holds something else.
Result<UniqueFd> open_map_pin(const std::string& path, bool read_only);

// Names below a directory, without "." and "..", sorted.
Result<std::vector<std::string>> list_directory(const std::string& path);

}  // namespace tally
