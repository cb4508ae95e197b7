// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The page of one source: its program, its rates over time, its actions and CPUs. Pure.
#pragma once

#include "stats/live/canvas.h"
#include "stats/live/frame.h"
#include "stats/live/screen_state.h"

namespace tally::stats {

void draw_detail(Canvas& canvas, const ScreenState& model, const ScreenSource& source,
                 const LiveChoice& choice, const ViewContext& context);

}  // namespace tally::stats
