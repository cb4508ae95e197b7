// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Numbers as text, appended to a buffer that is used again and again. Pure.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

namespace tally::stats {

// "1,234,567" for people, or else "1234567", right-aligned in at least `width` columns; how many it needs.
void append_count(fmt::memory_buffer& buffer, std::uint64_t value, unsigned width, bool grouped);
unsigned count_width(std::uint64_t value, bool grouped);

// A number and the prefix of its unit, ' ' or 'k' to 'Y', so that it is below `limit`, which is about 1000.
struct Scaled {
    double value = 0;
    char prefix = ' ';
};
Scaled scale(double value, double limit);

// " 12.35 kpkt/s": three digits or fewer before the point and two after it, and the unit with its prefix, so
// that a column of them is aligned. Always kScaledWidth + unit.size() columns, up to 1e27.
void append_scaled(fmt::memory_buffer& buffer, double value, std::string_view unit);
inline constexpr unsigned kScaledWidth = 8;

// "5.0", "0.017": at most `most_decimals` decimals, zeros at the end left out, but always one decimal.
void append_decimal(fmt::memory_buffer& buffer, double value, int most_decimals);
// For rates, and for a period in seconds, where programs read them.
inline constexpr int kRateDecimals = 3;
inline constexpr int kPeriodDecimals = 6;
// For shares of a CPU: a program that runs once a second has some 1e-7 of one.
inline constexpr int kShareDecimals = 9;

// "2026-01-31T12:00:00.123Z" from nanoseconds since 1970 UTC.
void append_time(fmt::memory_buffer& buffer, std::int64_t nanoseconds);

}  // namespace tally::stats
