// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The page that was chosen. Pure.
#pragma once

#include "stats/live/model/order.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

// On an empty canvas of any size. `list` is of this choice, and the selection is in it. Fills in
// ViewContext::window.
DrawnPage draw_page(Canvas& canvas, const ScreenState& model, const SourceList& list, LiveChoice& choice,
                    ViewContext context);

// Of these: the sources, and what is known of the selected one as far as there is room; one source alone.
void draw_overview(Canvas& canvas, const ScreenState& model, const SourceList& list, LiveChoice& choice,
                   const ViewContext& context, DrawnPage& drawn);
void draw_device(Canvas& canvas, const ScreenState& model, const ScreenSource& source,
                 const LiveChoice& choice, const ViewContext& context, DrawnPage& drawn);

}  // namespace tally::stats
