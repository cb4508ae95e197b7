// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The order of names in lists for people: eth2 before eth10. Pure.
#pragma once

#include <string_view>
#include <utility>

namespace tally {

// Numbers in the names are compared as numbers, however long, the rest byte by byte. Two names are equivalent
// only where they are equal: "eth1" comes before "eth01".
bool natural_less(std::string_view left, std::string_view right);

// Devices as {network namespace, name}; those of the initial namespace, which has no name, come first.
bool natural_device_less(const std::pair<std::string_view, std::string_view>& left,
                         const std::pair<std::string_view, std::string_view>& right);

}  // namespace tally
