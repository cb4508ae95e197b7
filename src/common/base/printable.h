// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Text from outside, made safe to print. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tally {

// Names from files and from other people's pins may hold anything; what a terminal would act on is shown as
// "\x1b". One line stays one line; `keep_lines` lets newlines and tabs be.
std::string printable(std::string_view text, bool keep_lines = false);

// How many columns of a terminal that takes: one for each character of UTF-8.
std::size_t display_width(std::string_view text);

}  // namespace tally
