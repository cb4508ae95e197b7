// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The page that was chosen. Pure.
#pragma once

#include "stats/live/page/choice.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

// On an empty canvas of any size. `list` is of this choice, and the selection is in it. Fills in
// ViewContext::window.
DrawnPage draw_page(Canvas& canvas, const ScreenState& model, const SourceList& list, LiveChoice& choice,
                    ViewContext context);

}  // namespace tally::stats
