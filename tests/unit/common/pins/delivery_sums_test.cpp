// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/delivery_sums.h"

#include <gmock/gmock.h>

#include <array>

#include "common/pins/delivery_for_tests.h"

namespace tally {
namespace {

constexpr std::pair<std::uint32_t, std::uint32_t> kDelivered = {XDP_REDIRECT, XDP_TALLY_DELIVERED};
constexpr std::pair<std::uint32_t, std::uint32_t> kDown = {XDP_REDIRECT, ENETDOWN};
constexpr std::pair<std::uint32_t, std::uint32_t> kAborted = {XDP_ABORTED, XDP_TALLY_LOST_EXCEPTION};
constexpr std::pair<std::uint32_t, std::uint32_t> kQueueFull = {XDP_REDIRECT, XDP_TALLY_LOST_QUEUE_FULL};

// Not in order.
DeliveryCounts two_devices_and_two_cpumaps() {
    DeliveryCounts counts;
    counts.devices = {
        {{101, 3, XDP_REDIRECT, ENETDOWN}, 1000}, {{100, 3, XDP_REDIRECT, ENETDOWN}, 5},
        {{100, 4, XDP_REDIRECT, ENETDOWN}, 1000}, {{100, 3, XDP_REDIRECT, XDP_TALLY_DELIVERED}, 7},
        {{100, 2, XDP_REDIRECT, ENETDOWN}, 1000}, {{100, 3, XDP_ABORTED, XDP_TALLY_LOST_EXCEPTION}, 2}};
    counts.cpumaps = {{{21, XDP_TALLY_DELIVERED}, 1000},
                      {{20, XDP_TALLY_DELIVERED}, 11},
                      {{20, XDP_TALLY_LOST_QUEUE_FULL}, 4}};
    return sorted(std::move(counts));
}

TEST(DeliveryOf, ADeviceAloneHasItsOwnCounts) {
    const DeliverySums own = {{kAborted, 2}, {kDelivered, 7}, {kDown, 5}};
    EXPECT_EQ(delivery_of(two_devices_and_two_cpumaps(), 100, 3, {}), own);
}

TEST(DeliveryOf, ACpumapHasItsOwnCounts) {
    EXPECT_EQ(delivery_of_cpumap(two_devices_and_two_cpumaps(), 20),
              (DeliverySums{{kDelivered, 11}, {kQueueFull, 4}}));
    EXPECT_EQ(delivery_of_cpumap(two_devices_and_two_cpumaps(), 22), DeliverySums());
}

TEST(DeliveryOf, WhatBecameOfItsCpumapsIsAdded) {
    const std::array<std::uint32_t, 3> maps = {19, 20, 0};
    EXPECT_EQ(delivery_of(two_devices_and_two_cpumaps(), 100, 3, maps),
              (DeliverySums{{kAborted, 2}, {kDelivered, 18}, {kDown, 5}, {kQueueFull, 4}}));
}

TEST(DeliveryOf, ADeviceThatIsNotThereHasNothing) {
    EXPECT_EQ(delivery_of(two_devices_and_two_cpumaps(), 102, 3, {}), DeliverySums());
}

TEST(DeliveryOf, AMetaSpeaksOfItsMapsAndOfThoseItAdopted) {
    Meta meta = {};
    meta.netns_inode = 100;
    meta.ifindex = 3;
    meta.map_count = 1;
    meta.map_ids[0] = 19;
    meta.map_ids[1] = 20;
    EXPECT_THAT(delivery_maps_of(meta), testing::ElementsAre(19, 20));
    EXPECT_EQ(delivery_of(two_devices_and_two_cpumaps(), meta).at(kDelivered), 18);
    std::fill(std::begin(meta.map_ids), std::end(meta.map_ids), 20U);
    EXPECT_EQ(delivery_maps_of(meta).size(), std::size(meta.map_ids)) << "no 0 behind them";
}

TEST(DeliverySums, OfABaseAreItsEntries) {
    EXPECT_EQ(sums_of(base_with(1, {3, 4})), sums({3, 4}));
    DeliveryBase base = base_with(1, {3, 4});
    base.count = XDP_TALLY_DELIVERY_BASE_MAX + 1;
    EXPECT_EQ(sums_of(base).at(kDelivered), 3) << "no more than there are";
}

TEST(DeliverySums, GoOnWhereTheNewMapsHoldLess) {
    DeliverySums base = sums({2, 0});
    subtract(base, sums({10, 1}));
    add(base, sums({1, 0}));
    EXPECT_EQ(delivery_since(base, sums({5, 0})), sums({12, 1}));
}

TEST(DeliverySince, IsTheDifference) {
    EXPECT_EQ(delivery_since(sums({2, 3}), sums({10, 3})), sums({8, 0}));
    EXPECT_EQ(delivery_since(base_with(1, {2, 3}), sums({10, 4})), sums({8, 1}));
}

TEST(DeliverySince, IsNeverBelowZero) {
    EXPECT_EQ(delivery_since(sums({2, 1000}), sums({10, 4})), sums({8, 0})) << "counts have been forgotten";
    EXPECT_EQ(delivery_since(sums({2, 1000}), {}), DeliverySums());
}

}  // namespace
}  // namespace tally
