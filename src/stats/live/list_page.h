// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The page that lists all sources, with a row for each action. Pure.
#pragma once

#include <cstddef>

#include "stats/live/canvas.h"
#include "stats/live/frame.h"
#include "stats/live/screen_state.h"

namespace tally::stats {

// Moves the selection so many sources down (up: negative), as far as there are any; 0 makes sure that one is
// selected.
void move_selection(LiveChoice& choice, const ScreenState& model, std::ptrdiff_t by);

// Scrolls to where the selection is.
void draw_list(Canvas& canvas, const ScreenState& model, LiveChoice& choice, const ViewContext& context);

}  // namespace tally::stats
