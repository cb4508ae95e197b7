// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The arithmetic of what became of packets: of one device, between two moments. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <xdp_tally/delivery.h>

#include "common/pins/meta.h"

namespace tally {

using DeliveryBase = xdp_tally_delivery_base;

// What all maps held at one moment, summed over the CPUs.
struct DeliveryCounts {
    struct Device {
        xdp_tally_delivery_key key = {};
        std::uint64_t packets = 0;
    };
    struct Cpumap {
        xdp_tally_cpumap_key key = {};
        std::uint64_t packets = 0;
    };
    std::vector<Device> devices;  // in order of namespace and ifindex
    std::vector<Cpumap> cpumaps;  // in order of the map's id
    std::array<std::uint64_t, XDP_TALLY_OVERFLOWS> overflow = {};
};

// Puts them into their order: of thousands of devices, those of one are found at once.
void sort_counts(DeliveryCounts& counts);

// Packets by verdict and reason; what was delivered has the reason XDP_TALLY_DELIVERED.
using DeliverySums = std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t>;

// Modulo 2^64: a base may be less than nothing, where a lineage goes on with maps that hold less.
void add(DeliverySums& sums, const DeliverySums& more);
void subtract(DeliverySums& sums, const DeliverySums& less);

DeliverySums sums_of(const DeliveryBase& base);

// What was counted between the two moments: never below zero, nothing where counts have been forgotten since.
DeliverySums delivery_since(const DeliverySums& before, DeliverySums now);
inline DeliverySums delivery_since(const DeliveryBase& before, DeliverySums now) {
    return delivery_since(sums_of(before), std::move(now));
}

// Of one cpumap.
DeliverySums delivery_of_cpumap(const DeliveryCounts& counts, std::uint32_t map_id);
// Of the device, with what became of packets in these maps.
DeliverySums delivery_of(const DeliveryCounts& counts, std::uint64_t netns_inode, std::uint32_t ifindex,
                         std::span<const std::uint32_t> map_ids);
// The same of the device and the maps that a meta speaks of.
DeliverySums delivery_of(const DeliveryCounts& counts, const Meta& meta);

// The ids of the maps that a meta speaks of, those included that it has adopted. They are in `meta`.
std::span<const std::uint32_t> delivery_maps_of(const Meta& meta);

}  // namespace tally
