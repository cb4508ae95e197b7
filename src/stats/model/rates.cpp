// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/rates.h"

namespace tally::stats {
namespace {

Rate rate_of(const Counter& counted, double seconds) {
    return Rate{static_cast<double>(counted.rx_packets) / seconds,
                static_cast<double>(counted.rx_bytes) * 8 / seconds};
}

bool went_backwards(const Counter& before, const Counter& now) {
    return now.rx_packets < before.rx_packets || now.rx_bytes < before.rx_bytes;
}

}  // namespace

Counter growth(const Counter& before, const Counter& now) {
    if (went_backwards(before, now)) {
        return now;
    }
    return Counter{now.rx_packets - before.rx_packets, now.rx_bytes - before.rx_bytes};
}

bool went_backwards(const Counters& before, const Counters& now) {
    for (std::size_t action = 0; action < now.size(); ++action) {
        if (went_backwards(before[action], now[action])) {
            return true;
        }
    }
    return false;
}

Counter sum_of_actions(const Counters& counters) {
    Counter sum = {};
    for (const Counter& counter : counters) {
        add_to(sum, counter);
    }
    return sum;
}

Rates compute_rates(const Counters& before, const Counters& now, double seconds) {
    Rates rates;
    if (seconds <= 0) {
        return rates;
    }
    Counter all = {};
    for (std::size_t action = 0; action < now.size(); ++action) {
        const Counter counted = growth(before[action], now[action]);
        rates.actions[action] = rate_of(counted, seconds);
        add_to(all, counted);
    }
    rates.total = rate_of(all, seconds);
    return rates;
}

}  // namespace tally::stats
