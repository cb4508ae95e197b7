// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which stretch of the past is shown, and in what steps. Pure.
#pragma once

#include <array>
#include <cstddef>

namespace tally::stats {

// The stretches a person can choose, in seconds.
inline constexpr std::array<double, 6> kWindows = {60, 120, 300, 900, 1800, 3600};
inline constexpr std::size_t kDefaultWindow = 2;

// Columns of equal length up to now. They begin at multiples of their length, so that one that was drawn
// moves, but does not change.
struct TimeColumns {
    double begin = 0;
    double step = 1;
    std::size_t count = 0;

    double at(std::size_t column) const { return begin + step * static_cast<double>(column); }
    double end() const { return at(count); }
    // Of a moment; may lie outside.
    double column_of(double moment) const { return (moment - begin) / step; }
};

// So many columns, of the shortest round length with which they hold the last `window` seconds; `now` is in
// the last one.
TimeColumns time_columns(double now, double window, std::size_t count);

}  // namespace tally::stats
