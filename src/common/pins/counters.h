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

// Since the lineage began: `carried` of a meta and what the map holds. Of an adopted map `carried` leaves out
// what it held before, modulo 2^64; where its owner has reset it since, nothing is known to be left.
inline std::uint64_t since_first_load(std::uint64_t carried, std::uint64_t in_map) {
    const std::uint64_t left_out = 0 - carried;
    const bool leaves_out = carried > UINT64_MAX / 2;
    return leaves_out && in_map < left_out ? 0 : carried + in_map;
}

inline Counters since_first_load(const Counters& carried, const Counters& in_map) {
    Counters total;
    for (std::size_t action = 0; action < total.size(); ++action) {
        total[action] = {since_first_load(carried[action].rx_packets, in_map[action].rx_packets),
                         since_first_load(carried[action].rx_bytes, in_map[action].rx_bytes)};
    }
    return total;
}

// What a map held at one moment, one Counters per possible CPU. Reading again into the same object allocates
// nothing.
struct Sample {
    std::int64_t time = 0;          // nanoseconds, CLOCK_MONOTONIC, right after the read
    std::vector<Counters> per_cpu;  // one entry where the map is not per-CPU
    Counters total = {};
};

}  // namespace tally
