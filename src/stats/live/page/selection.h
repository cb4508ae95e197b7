// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which sources, which of them and which stretch of the past a choice means, as the model changes. Pure.
#pragma once

#include <cstddef>

#include "stats/live/model/order.h"

namespace tally::stats {

// Which of kWindows. Without a choice the default one, or a shorter one as long as that shows all there is.
std::size_t window_of(const ScreenState& model, const LiveChoice& choice, double now);

// Moves the selection so many sources down (up: negative), as far as there are any.
void move_selection(LiveChoice& choice, const SourceList& list, std::ptrdiff_t by);

// Makes sure that a source is selected: another one where the list has lost it. A page stays that of its
// source, listed or not; once nothing is known of that, the list is shown.
void keep_selection(LiveChoice& choice, const ScreenState& model, const SourceList& list);

}  // namespace tally::stats
