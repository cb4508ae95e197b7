// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Stacked rates over time, with both axes. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stats/live/paint/canvas.h"
#include "stats/live/paint/stack.h"

namespace tally::stats {

inline constexpr int kAxisWidth = 8;    // columns at the left
inline constexpr int kAxisHeight = 2;   // lines at the bottom
inline constexpr int kLetterWidth = 2;  // columns at the right

struct PlotTick {
    double column = 0;
    std::string text;
};

struct Plot {
    std::vector<StackColumn> columns;
    double end = 1;               // of the upright axis
    std::vector<PlotTick> times;  // round moments
    std::vector<PlotTick> marks;  // replacements
    std::optional<std::size_t> cursor;
    std::string cursor_text;
};

// How many columns a plot of this width has.
std::size_t plot_columns(int width);

void draw_plot(Canvas& canvas, const Rect& rect, const Plot& plot);

}  // namespace tally::stats
