// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Rates over time as columns, in which the verdicts are stacked. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "stats/live/paint/canvas.h"

namespace tally::stats {

// From the bottom: what is lost to the host first, so that it always stands on the axis.
inline constexpr std::array<std::size_t, kActions> kStackOrder = {0, 1, 4, 3, 2};

struct StackColumn {
    std::array<double, kActions> values = {};
    bool known = false;
    // Of the stretch of time; which verdict a column of one colour shows depends on it, so that it does not
    // change as the column moves.
    std::int64_t number = 0;

    double total() const;
};

// How many of so many units each verdict gets, that make up `end`: the sum is right to half a unit, and what
// is aborted or dropped gets one, however little it is.
std::array<int, kActions> stack_units(const StackColumn& column, double end, int units);

// Columns that stand on the lower edge of the rectangle; its upper edge is `end`. Where the verdicts have no
// colour, their letters make up the area. An area one line high has one colour in a column: as many columns
// as make up a verdict's share have its colour, and they never touch the line above.
void draw_stack(Canvas& canvas, const Rect& rect, std::span<const StackColumn> columns, double end);

// One value of the largest, as one character of one line; blank for 0.
void draw_level(Canvas& canvas, int x, int y, double value, double end, Style style);

}  // namespace tally::stats
