// The BPF file system: its root, and the pins below it.
#pragma once

#include <string>
#include <vector>

#include "common/kernel_object.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace tally {

inline constexpr const char* kDefaultBpffs = "/sys/fs/bpf";
// In an interface's directory while a loader changes its pins; no pin can have this name.
inline constexpr const char* kStagingName = "+staging";

// kNotFound where `root` is missing or is no bpffs; the hint says how to mount one.
Result<void> check_bpffs(const std::string& root);

// Mounts a bpffs on the default root if none is there; true when it did. Any other root must exist already.
Result<bool> ensure_bpffs(const std::string& root);

// <root>/<interface>, encoded as bpffs needs it. The name must have passed check_interface_name.
std::string interface_directory(const std::string& root, const std::string& interface);

// BPF_OBJ_GET. Links cannot be opened read-only; maps can, with read permission alone (BPF_F_RDONLY, 4.15).
Result<UniqueFd> open_pin(const std::string& path, bool read_only);
// The same for what must be a map: kConflict where the pin holds something else.
Result<UniqueFd> open_map_pin(const std::string& path, bool read_only);

// Names below a directory, without "." and "..", sorted.
Result<std::vector<std::string>> list_directory(const std::string& path);

}  // namespace tally
