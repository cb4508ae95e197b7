// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The plot of one source, with its legend in a line where there is room for no more. Pure.
#pragma once

#include "stats/live/model/choice.h"
#include "stats/live/model/trouble.h"
#include "stats/live/page/frame.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

// What a panel of this source is called, in the line above it.
std::vector<Piece> panel_title(const ScreenSource& source, Trouble trouble);

// Lines without which there is no plot.
inline constexpr int kLeastPlotPanel = 5;
// `with_legend`: the verdicts in a line above the plot.
void draw_plot_panel(Canvas& canvas, const Rect& rect, const ScreenSource& source, const LiveChoice& choice,
                     const ViewContext& context, bool with_legend, const TimeColumns& columns);

}  // namespace tally::stats
