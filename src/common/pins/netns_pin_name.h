// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a network namespace is called in bpffs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace tally {

// What a namespace is called in bpffs, from wherever one looks:
//   ""         the initial one (that of process 1), or one that has no name and a bpffs of its own
//   its name   where /run/netns has one; the first in order where it has several
//   its inode  where it has no name, but shares the bpffs with process 1
// Who may not look at process 1, and never could, gets a guess by what the pins say.
Result<std::string> netns_pin_name(std::uint64_t inode, const std::string& bpffs);

// The same without a guess: none where this process may not learn it.
Result<std::optional<std::string>> find_netns_pin_name(std::uint64_t inode, const std::string& bpffs);

}  // namespace tally
