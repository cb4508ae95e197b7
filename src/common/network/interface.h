// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Network interfaces of the current network namespace.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace tally {

struct Interface {
    std::string name;
    std::uint32_t ifindex = 0;
    std::uint32_t mtu = 0;  // bytes, without the Ethernet header
};

// kUsage for what no interface can have as its own name (empty, over 15 bytes, '/', ':', blanks, "." and
// ".."): it must never become part of a path. An alternative name may be so: the kernel takes any.
Result<void> check_interface_name(const std::string& name);

// What to say where a name is none because it was copied from `ip link`, or is a list with commas; else
// empty.
std::string explain_name(const std::string& name);

}  // namespace tally
