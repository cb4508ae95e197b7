// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The map that a meta is written into.
#pragma once

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace tally::loader {

// A new one-entry map, empty until write_meta, with the types of its fields where the kernel takes them.
// Needs CAP_BPF (kernel 5.8).
Result<UniqueFd> create_meta_map();

}  // namespace tally::loader
