// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// All that there is room for about the selected source, below or beside its plot: verdicts, CPUs, programs,
// map and device. Pure.
#pragma once

#include "stats/live/model/choice.h"
#include "stats/live/model/screen_state.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

// How many lines a panel of this width takes.
int about_lines(const ScreenSource& source, const LiveChoice& choice, const ViewContext& context, int width);

// `step`: the seconds that the cursor stands for.
void draw_about(Canvas& canvas, const Rect& rect, const ScreenSource& source, const LiveChoice& choice,
                const ViewContext& context, double step);

}  // namespace tally::stats
