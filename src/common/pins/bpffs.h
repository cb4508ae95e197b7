// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The BPF file system and the pins in it.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace tally {

inline constexpr const char* kDefaultBpffs = "/sys/fs/bpf";

// Whether the path is in a BPF file system.
bool is_bpffs(const std::string& path);

// BPF_OBJ_GET. Links cannot be opened read-only; maps can, with read permission alone (BPF_F_RDONLY, 4.15).
Result<UniqueFd> open_pin(const std::string& path, bool read_only);
// The same for what must be a map: kConflict where the pin holds something else.
Result<UniqueFd> open_map_pin(const std::string& path, bool read_only);

// A lack of permission for this path, with the directory on it that this user may not enter, and how it can
// be opened; anything else as it is.
Error explain_barrier(Error error, const std::string& path);

}  // namespace tally
