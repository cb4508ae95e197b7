// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The rates that a page shows: the latest, or those at the cursor; and their curves. Pure.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "stats/live/model/choice.h"
#include "stats/live/model/screen_state.h"
#include "stats/live/paint/plot.h"

namespace tally::stats {

struct ShownRates {
    Moment moment;
    std::array<std::optional<double>, kActions> bps;  // none at the cursor: only their sum is kept
};

// What is known of the latest sample alone can be shown, such as rates of CPUs.
bool shows_latest(const ScreenSource& source, const LiveChoice& choice);

// `step`: the seconds that the cursor stands for, from a multiple of it on, as columns do.
ShownRates rates_shown(const ScreenSource& source, const LiveChoice& choice, double step);

// All verdicts as one rate: of a source, where that is known; of all sources, without regard to the filter
// and idleness.
struct Sum {
    double pps = 0;
    double bps = 0;
    double drop_pps = 0;
};
std::optional<Sum> sum_shown(const ScreenSource& source, const LiveChoice& choice, double step);
Sum sum_shown(const ScreenState& model, const LiveChoice& choice, double step);

// The history in these columns, as far as they are known.
std::vector<StackColumn> stack_of(const ScreenSource& source, const TimeColumns& columns);
double highest(std::span<const StackColumn> columns);

// Of one source, on a scale of its own, with times of day, replacements and the cursor.
Plot plot_of(const ScreenSource& source, const TimeColumns& columns, const LiveChoice& choice,
             const ViewContext& context);

}  // namespace tally::stats
