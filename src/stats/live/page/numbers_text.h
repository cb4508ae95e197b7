// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Numbers as the pages write them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "stats/live/model/choice.h"

namespace tally::stats {

// Columns for a scaled number.
inline constexpr int kScaledColumns = 9;
// Columns for a grouped number that may be scaled.
inline constexpr int kCountColumns = 13;

// Bits per second as a number of the chosen unit.
double in_units(double bps, Units units);

// "2.99 k"; aligned in a column, so with blanks before, and behind where there is no prefix.
std::string scaled(double value);
// "2.99 kpkt/s" without blanks around it.
std::string compact(double value, std::string_view unit);
// "1,234,567", or scaled where that is wider than the column.
std::string count_text(std::uint64_t value, Units units, int width);
std::string rate_text(double value, Units units, int width);
// Bits per second in the chosen unit: "9.87 Gbit/s", "1.23 Gbyte/s".
std::string bandwidth_text(double bps, Units units);
// "45.3 %", "<0.1 %" for what is not zero.
std::string percent_text(double percent);
// Bytes of a frame: "64.0 B".
std::string frame_text(double bytes);

}  // namespace tally::stats
