// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A series of numbers as one line of characters. Pure.
#pragma once

#include <span>

#include "stats/live/canvas.h"

namespace tally::stats {

// One column a value, scaled to the largest; blank where there is none (NaN) and for 0.
// A value above 0 takes at least the lowest step, so that a few packets can be seen.
void draw_sparkline(Canvas& canvas, int x, int y, std::span<const double> values, Style style);

// A bar that is full at `most`: `width` columns.
void draw_bar(Canvas& canvas, int x, int y, int width, double value, double most, Style style);

}  // namespace tally::stats
