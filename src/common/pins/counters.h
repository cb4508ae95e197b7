// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the counter map counts, as plain numbers. Pure: readers of this header need nothing of BPF.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <xdp_tally/abi.h>

#include "common/pins/abi_names.h"

namespace tally {

using Counter = xdp_tally_counter;
// One counter per action, indexed by enum xdp_action.
using Counters = std::array<Counter, kActions>;

inline void add_to(Counter& sum, const Counter& part) {
    sum.rx_packets += part.rx_packets;
    sum.rx_bytes += part.rx_bytes;
}

inline Counters sum_of(Counters a, const Counters& b) {
    for (std::size_t action = 0; action < a.size(); ++action) {
        add_to(a[action], b[action]);
    }
    return a;
}

// What a map held at one moment, one Counters per possible CPU. Reading again into the same object allocates
// nothing.
struct Sample {
    std::int64_t time = 0;          // nanoseconds, CLOCK_MONOTONIC, right after the read
    std::vector<Counters> per_cpu;  // one entry where the map is not per-CPU
    Counters total = {};
};

}  // namespace tally
