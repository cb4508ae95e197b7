// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Frames of lines. Pure.
#pragma once

#include "stats/live/paint/canvas.h"

namespace tally::stats {

void draw_box(Canvas& canvas, const Rect& rect);
// A line from one side of a box to the other.
void draw_divider(Canvas& canvas, const Rect& box, int y);
// The same from the top to the bottom, between two columns.
void draw_upright_divider(Canvas& canvas, const Rect& box, int x);

}  // namespace tally::stats
