// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The page of one source: its plot, verdicts, CPUs, programs and pins. Pure.
#pragma once

#include "stats/live/page/choice.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

void draw_device(Canvas& canvas, const ScreenState& model, const ScreenSource& source,
                 const LiveChoice& choice, const ViewContext& context, DrawnPage& drawn);

}  // namespace tally::stats
