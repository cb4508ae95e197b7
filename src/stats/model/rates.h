// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Packets and bits per second from two readings. Pure.
#pragma once

#include "common/pins/abi_names.h"
#include "common/pins/counters.h"

namespace tally::stats {

struct Rate {
    double pps = 0;  // packets per second
    double bps = 0;  // bits per second
};

struct Rates {
    std::array<Rate, kActions> actions = {};
    Rate total = {};
};

// A counter only ever grows, unless somebody reset it: then packets or bytes are fewer than they were.
bool went_backwards(const Counters& before, const Counters& now);

// What was counted from `before` to `now`; all of `now` where the counter was reset in between.
Counter growth(const Counter& before, const Counter& now);

Counter sum_of_actions(const Counters& counters);

// Never negative. `seconds` is the measured time between the readings; without one there are no rates: all 0.
Rates compute_rates(const Counters& before, const Counters& now, double seconds);

}  // namespace tally::stats
