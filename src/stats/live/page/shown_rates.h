// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The rates that a page shows: the latest, or those at the cursor; and their curves. Pure.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "stats/live/page/choice.h"
#include "stats/live/paint/plot.h"

namespace tally::stats {

struct ShownRates {
    Moment moment;
    std::array<std::optional<double>, kActions> bps;  // none at the cursor: only their sum is kept
};

// `step`: the seconds that the cursor stands for.
ShownRates rates_shown(const ScreenSource& source, const LiveChoice& choice, double step);

// All verdicts of it as one rate; of all sources, without regard to the filter and idleness.
struct Sum {
    double pps = 0;
    double bps = 0;
    double drop_pps = 0;
};
Sum sum_shown(const ScreenSource& source, const LiveChoice& choice, double step);
Sum sum_shown(const ScreenState& model, const LiveChoice& choice, double step);

// The history in these columns, as far as they are known.
std::vector<StackColumn> stack_of(const ScreenSource& source, const TimeColumns& columns);
double highest(std::span<const StackColumn> columns);

// Of one source, on a scale of its own, with times of day, replacements and the cursor.
Plot plot_of(const ScreenSource& source, const TimeColumns& columns, const LiveChoice& choice,
             const ViewContext& context);

}  // namespace tally::stats
