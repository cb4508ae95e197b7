// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which sources, which of them and which stretch of the past a choice means, as the model changes. Pure.
#pragma once

#include <cstddef>

#include "stats/live/page/choice.h"

namespace tally::stats {

// What the choice has the list show.
SourceList list_of(const ScreenState& model, const LiveChoice& choice, double now);

// Which of kWindows. Without a choice the default one, or a shorter one as long as that shows all there is.
std::size_t window_of(const ScreenState& model, const LiveChoice& choice, double now);

// Moves the selection so many sources down (up: negative), as far as there are any; 0 makes sure that one is
// selected.
void move_selection(LiveChoice& choice, const SourceList& list, std::ptrdiff_t by);

}  // namespace tally::stats
