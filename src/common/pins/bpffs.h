// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The BPF file system and the pins in it.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace tally {

inline constexpr const char* kDefaultBpffs = "/sys/fs/bpf";

// Whether the path is in a BPF file system; false also where that could not be told.
bool is_bpffs(const std::string& path);
// The same for who acts on a no: false only where the kernel says that it is another file system, or that
// there is nothing of this name.
Result<bool> check_is_bpffs(const std::string& path);

// BPF_OBJ_GET. Links cannot be opened read-only; maps can, with read permission alone (BPF_F_RDONLY, 4.15).
Result<UniqueFd> open_pin(const std::string& path, bool read_only);
// The same for what must be a map: kConflict where the pin holds something else.
Result<UniqueFd> open_map_pin(const std::string& path, bool read_only);

}  // namespace tally
