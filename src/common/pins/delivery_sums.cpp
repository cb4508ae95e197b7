// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/delivery_sums.h"

#include <linux/bpf.h>

#include <algorithm>
#include <iterator>

namespace tally {
namespace {

using DeviceCount = DeliveryCounts::Device;
using CpumapCount = DeliveryCounts::Cpumap;

std::pair<std::uint64_t, std::uint32_t> counted_place(const DeviceCount& entry) {
    return {entry.key.netns_inode, entry.key.ifindex};
}

std::uint32_t counted_map(const CpumapCount& entry) {
    return entry.key.map_id;
}

}  // namespace

void sort_counts(DeliveryCounts& counts) {
    std::sort(counts.devices.begin(), counts.devices.end(),
              [](const DeviceCount& one, const DeviceCount& other) {
                  return counted_place(one) < counted_place(other);
              });
    std::sort(counts.cpumaps.begin(), counts.cpumaps.end(),
              [](const CpumapCount& one, const CpumapCount& other) {
                  return counted_map(one) < counted_map(other);
              });
}

void add(DeliverySums& sums, const DeliverySums& more) {
    for (const auto& [key, packets] : more) {
        sums[key] += packets;
    }
}

void subtract(DeliverySums& sums, const DeliverySums& less) {
    for (const auto& [key, packets] : less) {
        sums[key] -= packets;
    }
}

DeliverySums sums_of(const DeliveryBase& base) {
    DeliverySums sums;
    const auto count = std::min<std::uint32_t>(base.count, XDP_TALLY_DELIVERY_BASE_MAX);
    for (std::uint32_t i = 0; i < count; ++i) {
        sums[{base.counts[i].action, base.counts[i].reason}] += base.counts[i].packets;
    }
    return sums;
}

DeliverySums delivery_since(const DeliverySums& before, DeliverySums now) {
    subtract(now, before);
    std::erase_if(now, [](const auto& sum) { return sum.second == 0 || sum.second > UINT64_MAX / 2; });
    return now;
}

DeliverySums delivery_of_cpumap(const DeliveryCounts& counts, std::uint32_t map_id) {
    DeliverySums sums;
    auto entry = std::lower_bound(
        counts.cpumaps.begin(), counts.cpumaps.end(), map_id,
        [](const CpumapCount& cpumap, std::uint32_t wanted) { return counted_map(cpumap) < wanted; });
    for (; entry != counts.cpumaps.end() && counted_map(*entry) == map_id; ++entry) {
        sums[{std::uint32_t{XDP_REDIRECT}, entry->key.reason}] += entry->packets;
    }
    return sums;
}

DeliverySums delivery_of(const DeliveryCounts& counts, std::uint64_t netns_inode, std::uint32_t ifindex,
                         std::span<const std::uint32_t> map_ids) {
    DeliverySums sums;
    const std::pair place(netns_inode, ifindex);
    auto entry = std::lower_bound(
        counts.devices.begin(), counts.devices.end(), place,
        [](const DeviceCount& device, const auto& wanted) { return counted_place(device) < wanted; });
    for (; entry != counts.devices.end() && counted_place(*entry) == place; ++entry) {
        sums[{entry->key.action, entry->key.reason}] += entry->packets;
    }
    for (const std::uint32_t map_id : map_ids) {
        add(sums, delivery_of_cpumap(counts, map_id));
    }
    return sums;
}

DeliverySums delivery_of(const DeliveryCounts& counts, const Meta& meta) {
    return delivery_of(counts, meta.netns_inode, meta.ifindex, delivery_maps_of(meta));
}

std::span<const std::uint32_t> delivery_maps_of(const Meta& meta) {
    const auto* const end =
        std::find(std::begin(meta.map_ids) + meta.map_count, std::end(meta.map_ids), std::uint32_t{0});
    return {std::begin(meta.map_ids), end};
}

}  // namespace tally
