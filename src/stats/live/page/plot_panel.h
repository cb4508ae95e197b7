// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The plot of one source, with its legend in a line where there is room for no more. Pure.
#pragma once

#include "stats/live/page/choice.h"
#include "stats/live/page/frame.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

// What a panel of this source is called, in the line above it.
std::vector<Piece> panel_title(const ScreenSource& source, Trouble trouble);

// `with_legend`: the verdicts in a line above the plot.
void draw_plot_panel(Canvas& canvas, const Rect& rect, const ScreenSource& source, const LiveChoice& choice,
                     const ViewContext& context, bool with_legend, DrawnPage& drawn);

}  // namespace tally::stats
