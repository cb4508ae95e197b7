// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Series of numbers over time, with an axis. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "stats/live/canvas.h"

namespace tally::stats {

struct Rect {
    int x = 0;
    int y = 0;
    int width = 0;
    int height = 0;
};

struct Series {
    std::vector<double> values;  // one for each of plot_columns(), NaN where nothing is known
    char32_t symbol = U'*';      // tells it from the others where there is no colour
    Style style;
};

enum class Strokes {
    kBraille,  // lines of fine dots; the symbol at the latest value
    kSymbols,  // each value is the series' symbol
};

inline constexpr int kAxisWidth = 8;   // columns at the left
inline constexpr int kAxisHeight = 2;  // lines at the bottom

// How many values a plot of this width shows.
std::size_t plot_columns(int width, Strokes strokes);
// The axis's end: 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten.
double axis_end(double most);
// "0", "2.5 k", "40 M".
std::string axis_label(double value);

// Later series are drawn over earlier ones. `since` is what the beginning of the time axis is called.
void draw_plot(Canvas& canvas, const Rect& rect, std::span<const Series> series, Strokes strokes,
               const std::string& since);

}  // namespace tally::stats
