// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The page that was chosen. Pure.
#pragma once

#include "stats/live/canvas.h"
#include "stats/live/frame.h"
#include "stats/live/screen_state.h"

namespace tally::stats {

// On an empty canvas of any size.
void draw_page(Canvas& canvas, const ScreenState& model, LiveChoice& choice, const ViewContext& context);

}  // namespace tally::stats
