// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Shorthand for the tests: counters of a few actions, all others zero.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "common/pins/counters.h"

// Where the library's matchers look for it: in the namespace of the type.
inline bool operator==(const xdp_tally_counter& a, const xdp_tally_counter& b) {
    return a.rx_packets == b.rx_packets && a.rx_bytes == b.rx_bytes;
}

namespace tally::stats {

inline constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

inline Counters counters(const std::vector<std::pair<int, Counter>>& parts) {
    Counters result = {};
    for (const auto& [action, counter] : parts) {
        result[static_cast<std::size_t>(action)] = counter;
    }
    return result;
}

inline Counters passed(std::uint64_t packets, std::uint64_t bytes) {
    return counters({{XDP_PASS, {packets, bytes}}});
}

inline Counters dropped(std::uint64_t packets, std::uint64_t bytes) {
    return counters({{XDP_DROP, {packets, bytes}}});
}

}  // namespace tally::stats
