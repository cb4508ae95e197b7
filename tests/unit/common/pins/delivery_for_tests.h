// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What became of the packets of some devices, for tests of those who add it up.
#pragma once

#include <linux/bpf.h>

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "common/pins/delivery_sums.h"

namespace tally {

inline constexpr std::uint32_t kDeliveryNetns = 4026531840;

// Of redirects: delivered, and lost as the target was down.
struct Redirected {
    std::uint64_t delivered = 0;
    std::uint64_t down = 0;
};

// Without what is 0.
inline DeliverySums sums(Redirected redirected) {
    DeliverySums sums = {{{XDP_REDIRECT, XDP_TALLY_DELIVERED}, redirected.delivered},
                         {{XDP_REDIRECT, ENETDOWN}, redirected.down}};
    std::erase_if(sums, [](const auto& sum) { return sum.second == 0; });
    return sums;
}

inline DeliveryCounts sorted(DeliveryCounts counts) {
    sort_counts(counts);
    return counts;
}

// By ifindex, beside what other devices have.
inline DeliveryCounts redirects(std::initializer_list<std::pair<std::uint32_t, Redirected>> devices) {
    DeliveryCounts counts;
    counts.devices = {{{kDeliveryNetns, 99, XDP_REDIRECT, ENETDOWN}, 1000},
                      {{kDeliveryNetns, 1, XDP_REDIRECT, XDP_TALLY_DELIVERED}, 1000},
                      {{kDeliveryNetns + 1, 5, XDP_REDIRECT, ENETDOWN}, 1000}};
    for (const auto& [ifindex, redirected] : devices) {
        counts.devices.push_back({{kDeliveryNetns, ifindex, XDP_REDIRECT, ENETDOWN}, redirected.down});
        counts.devices.push_back(
            {{kDeliveryNetns, ifindex, XDP_REDIRECT, XDP_TALLY_DELIVERED}, redirected.delivered});
    }
    return sorted(std::move(counts));
}

// A cpumap that is behind everything else.
inline DeliveryCounts with_cpumap(DeliveryCounts counts, std::uint32_t map_id, std::uint64_t delivered) {
    counts.cpumaps.push_back({{map_id, XDP_TALLY_DELIVERED}, delivered});
    return sorted(std::move(counts));
}

inline DeliveryBase base_with(std::uint64_t instance, Redirected redirected) {
    DeliveryBase base = {};
    base.instance = instance;
    base.count = 2;
    base.counts[0] = {XDP_REDIRECT, XDP_TALLY_DELIVERED, redirected.delivered};
    base.counts[1] = {XDP_REDIRECT, ENETDOWN, redirected.down};
    return base;
}

}  // namespace tally
