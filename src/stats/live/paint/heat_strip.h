// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Many values as one character each: how evenly they are spread is seen at a glance. Pure.
#pragma once

#include <vector>

#include "stats/live/paint/canvas.h"

namespace tally::stats {

struct Heat {
    double value = 0;
    Ink ink = Ink::kPlain;
};

// How the values are laid out: in lines of a round number, of which each has the number of its first at the
// left. Where there are too many, one character stands for the largest of several.
struct HeatLayout {
    int label = 0;     // columns at the left
    int per_line = 1;  // characters
    int each = 1;      // values that a character stands for
    int lines = 0;
};
HeatLayout lay_out_heat(int values, int width, int most_lines);

void draw_heat(Canvas& canvas, const Rect& rect, const HeatLayout& layout, const std::vector<Heat>& values);

// How many times the mean of so many the largest is: 1 where all are equal. 0 where there is nothing.
double unevenness(const std::vector<Heat>& values, std::size_t count);

}  // namespace tally::stats
