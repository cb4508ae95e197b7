// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which sources are listed, and in which order. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "stats/live/model/choice.h"
#include "stats/live/model/screen_state.h"
#include "stats/live/model/trouble.h"

namespace tally::stats {

inline constexpr double kIdleAfter = 60;  // seconds

struct Listed {
    const ScreenSource* source = nullptr;
    Trouble trouble = Trouble::kNone;
};

struct SourceList {
    std::vector<Listed> order;
    std::size_t hidden = 0;                            // of those that the filter passes, as they are idle
    std::array<std::size_t, kTroubles> troubles = {};  // of all sources, listed or not
};

// What the choice has the list show.
SourceList list_sources(const ScreenState& model, const LiveChoice& choice, double now);

// In percent; 0 where there is nothing.
double drop_share(double drops, double all);

}  // namespace tally::stats
