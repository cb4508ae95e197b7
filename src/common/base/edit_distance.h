// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// How alike two words are: for hints at what was mistyped. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace tally {

// How many letters have to be inserted, left out or replaced to make one word of the other.
std::size_t edit_distance(std::string_view one, std::string_view other);

}  // namespace tally
