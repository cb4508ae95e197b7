// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Lists for people: cells below one another. Pure.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

namespace tally {

// A line for each row, without blanks at its end. A column is as wide as its widest cell is shown (see
// display_width), to the left, or to the right where it is one of `numbers`. All rows are as long as the
// first.
std::string align_columns(const std::vector<std::vector<std::string>>& rows,
                          std::initializer_list<std::size_t> numbers = {});

}  // namespace tally
