// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/delivery_base.h"

#include <gmock/gmock.h>

#include "common/pins/delivery_for_tests.h"

namespace tally::loader {
namespace {

constexpr std::uint64_t kInstance = 7;

Meta meta_with(std::uint32_t ifindex, std::uint32_t counter_map, std::uint32_t cpumap = 0) {
    Meta meta = {};
    meta.netns_inode = kDeliveryNetns;
    meta.ifindex = ifindex;
    meta.counter_map_id = counter_map;
    meta.map_ids[meta.map_count++] = counter_map;
    if (cpumap != 0) {
        meta.map_ids[meta.map_count++] = cpumap;
    }
    return meta;
}

DeliveryReading lost(std::uint32_t ifindex, std::uint64_t packets) {
    return {kInstance, redirects({{ifindex, {0, packets}}})};
}

DeliverySums since(const DeliveryBase& base, const DeliveryReading& reading, const Meta& meta) {
    return delivery_since(base, delivery_of(reading.counts, meta));
}

TEST(DeliveryBase, AFirstLoadBeginsWithWhatIsThere) {
    auto meta = meta_with(3, 1);
    begin_delivery(meta, std::nullopt, true, lost(3, 1000));
    for (const auto& base : {meta.delivery_first, meta.delivery_map}) {
        EXPECT_EQ(base.instance, kInstance);
        EXPECT_EQ(since(base, lost(3, 1000), meta), DeliverySums()) << "an earlier device's";
        EXPECT_EQ(since(base, lost(3, 1005), meta), sums({0, 5}));
    }
}

TEST(DeliveryBase, WithoutTrackingNothingIsKnown) {
    auto meta = meta_with(3, 1);
    begin_delivery(meta, std::nullopt, true, std::nullopt);
    EXPECT_EQ(meta.delivery_first.instance, 0U);
    EXPECT_EQ(meta.delivery_map.instance, 0U);
}

TEST(DeliveryBase, ANewMapBeginsAndTheLineageGoesOn) {
    auto first = meta_with(3, 1);
    begin_delivery(first, std::nullopt, true, lost(3, 1000));
    auto second = meta_with(3, 2);
    begin_delivery(second, first, true, lost(3, 1005));
    EXPECT_EQ(since(second.delivery_first, lost(3, 1006), second), sums({0, 6}));
    EXPECT_EQ(since(second.delivery_map, lost(3, 1006), second), sums({0, 1}));
}

TEST(DeliveryBase, AMapThatIsKeptGoesOn) {
    auto first = meta_with(3, 1);
    begin_delivery(first, std::nullopt, true, lost(3, 1000));
    auto second = meta_with(3, 1);
    begin_delivery(second, first, true, lost(3, 1005));
    EXPECT_EQ(since(second.delivery_map, lost(3, 1006), second), sums({0, 6}));
}

TEST(DeliveryBase, WhatTheOldCpumapCountedIsKept) {
    auto first = meta_with(3, 1, 20);
    begin_delivery(first, std::nullopt, true, DeliveryReading{kInstance, with_cpumap({}, 20, 0)});
    auto counts = with_cpumap({}, 20, 11);
    auto second = meta_with(3, 2, 21);
    begin_delivery(second, first, true, DeliveryReading{kInstance, counts});
    const DeliveryReading reading = {kInstance, with_cpumap(counts, 21, 2)};
    EXPECT_EQ(since(second.delivery_first, reading, second), sums({13, 0}));
    EXPECT_EQ(since(second.delivery_map, reading, second), sums({2, 0}));
}

TEST(DeliveryBase, ADeviceThatMovedGoesOnAtItsNewPlace) {
    auto first = meta_with(3, 1);
    begin_delivery(first, std::nullopt, true, lost(3, 1000));
    auto second = meta_with(9, 2);
    begin_delivery(second, first, true,
                   DeliveryReading{kInstance, redirects({{3, {0, 1005}}, {9, {0, 500}}})});
    const DeliveryReading reading = {kInstance, redirects({{3, {0, 1005}}, {9, {0, 502}}})};
    EXPECT_EQ(since(second.delivery_first, reading, second), sums({0, 7}));
}

TEST(DeliveryBase, OfAnotherTrackingNothingIsKnown) {
    auto first = meta_with(3, 1);
    begin_delivery(first, std::nullopt, true, lost(3, 1000));
    auto second = meta_with(3, 2);
    auto reading = lost(3, 5);
    reading.instance = kInstance + 1;
    begin_delivery(second, first, true, reading);
    EXPECT_EQ(second.delivery_first.instance, 0U);
    EXPECT_EQ(second.delivery_map.instance, kInstance + 1) << "the new map began with it";
}

TEST(DeliveryBase, OfAnAdoptedMapTheBeginningIsNotKnown) {
    auto meta = meta_with(3, 1);
    begin_delivery(meta, std::nullopt, false, lost(3, 1000));
    EXPECT_EQ(meta.delivery_map.instance, 0U);
    EXPECT_EQ(meta.delivery_first.instance, kInstance) << "totals since the adoption";
}

TEST(DeliveryBase, MoreThanThereIsRoomForIsNotKnown) {
    auto meta = meta_with(3, 1);
    DeliveryReading reading = {kInstance, {}};
    for (std::uint32_t reason = 1; reason <= XDP_TALLY_DELIVERY_BASE_MAX + 1; ++reason) {
        reading.counts.devices.push_back({{kDeliveryNetns, 3, XDP_REDIRECT, reason}, 1});
    }
    begin_delivery(meta, std::nullopt, true, reading);
    EXPECT_EQ(meta.delivery_first.instance, 0U);
    reading.counts.devices.back().packets = 0;
    begin_delivery(meta, std::nullopt, true, reading);
    EXPECT_EQ(meta.delivery_first.count, XDP_TALLY_DELIVERY_BASE_MAX) << "what is 0 takes no room";
}

}  // namespace
}  // namespace tally::loader
