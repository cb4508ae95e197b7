// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The page that lists all sources, with the plot of the selected one where there is room. Pure.
#pragma once

#include "stats/live/page/choice.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

void draw_overview(Canvas& canvas, const ScreenState& model, const SourceList& list, LiveChoice& choice,
                   const ViewContext& context, DrawnPage& drawn);

}  // namespace tally::stats
