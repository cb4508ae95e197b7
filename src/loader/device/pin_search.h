// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Where a BPF object is pinned, whoever did it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/bpf/bpf_info.h"

namespace tally::loader {

// Paths below a BPF file system at which this program or link is pinned. Looks at a few thousand pins at
// most, and only at those that this process may open for writing.
Result<std::vector<std::string>> find_pins(const std::string& root, ObjectType type, std::uint32_t id);

}  // namespace tally::loader
