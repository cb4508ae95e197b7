// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/delivery_base.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>

namespace tally::loader {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;
using testing::IsEmpty;

constexpr std::uint64_t kInstance = 7;
constexpr std::uint32_t kNetns = 100;

Meta meta_with(std::uint32_t ifindex, std::uint32_t counter_map, std::uint32_t cpumap = 0) {
    Meta meta = {};
    meta.netns_inode = kNetns;
    meta.ifindex = ifindex;
    meta.counter_map_id = counter_map;
    meta.map_ids[meta.map_count++] = counter_map;
    if (cpumap != 0) {
        meta.map_ids[meta.map_count++] = cpumap;
    }
    return meta;
}

DeliveryReading lost(std::uint32_t ifindex, std::uint64_t packets) {
    return {kInstance, {{{{kNetns, ifindex, XDP_REDIRECT, ENETDOWN}, packets}}, {}, {}}};
}

std::vector<DeliveryCount> since(const DeliveryBase& base, const DeliveryReading& reading, const Meta& meta) {
    return delivery_since(base, delivery_of(reading.counts, meta));
}

TEST(DeliveryBase, AFirstLoadBeginsWithWhatIsThere) {
    auto meta = meta_with(3, 1);
    begin_delivery(meta, std::nullopt, true, lost(3, 1000));
    for (const auto& base : {meta.delivery_first, meta.delivery_map}) {
        EXPECT_EQ(base.instance, kInstance);
        EXPECT_THAT(since(base, lost(3, 1000), meta), IsEmpty()) << "an earlier device's";
        EXPECT_THAT(since(base, lost(3, 1005), meta), ElementsAre(FieldsAre(XDP_REDIRECT, ENETDOWN, 5)));
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
    EXPECT_THAT(since(second.delivery_first, lost(3, 1006), second),
                ElementsAre(FieldsAre(XDP_REDIRECT, ENETDOWN, 6)));
    EXPECT_THAT(since(second.delivery_map, lost(3, 1006), second),
                ElementsAre(FieldsAre(XDP_REDIRECT, ENETDOWN, 1)));
}

TEST(DeliveryBase, AMapThatIsKeptGoesOn) {
    auto first = meta_with(3, 1);
    begin_delivery(first, std::nullopt, true, lost(3, 1000));
    auto second = meta_with(3, 1);
    begin_delivery(second, first, true, lost(3, 1005));
    EXPECT_THAT(since(second.delivery_map, lost(3, 1006), second),
                ElementsAre(FieldsAre(XDP_REDIRECT, ENETDOWN, 6)));
}

TEST(DeliveryBase, WhatTheOldCpumapCountedIsKept) {
    auto first = meta_with(3, 1, 20);
    DeliveryReading reading = {kInstance, {{}, {{{20, XDP_TALLY_DELIVERED}, 0}}, {}}};
    begin_delivery(first, std::nullopt, true, reading);
    reading.counts.cpumaps[0].packets = 11;
    auto second = meta_with(3, 2, 21);
    begin_delivery(second, first, true, reading);
    reading.counts.cpumaps.push_back({{21, XDP_TALLY_DELIVERED}, 2});
    EXPECT_THAT(since(second.delivery_first, reading, second),
                ElementsAre(FieldsAre(XDP_REDIRECT, XDP_TALLY_DELIVERED, 13)));
    EXPECT_THAT(since(second.delivery_map, reading, second),
                ElementsAre(FieldsAre(XDP_REDIRECT, XDP_TALLY_DELIVERED, 2)));
}

TEST(DeliveryBase, ADeviceThatMovedGoesOnAtItsNewPlace) {
    auto first = meta_with(3, 1);
    begin_delivery(first, std::nullopt, true, lost(3, 1000));
    auto reading = lost(3, 1005);
    reading.counts.devices.push_back({{kNetns, 9, XDP_REDIRECT, ENETDOWN}, 500});
    auto second = meta_with(9, 2);
    begin_delivery(second, first, true, reading);
    reading.counts.devices[1].packets += 2;
    EXPECT_THAT(since(second.delivery_first, reading, second),
                ElementsAre(FieldsAre(XDP_REDIRECT, ENETDOWN, 7)));
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
        reading.counts.devices.push_back({{kNetns, 3, XDP_REDIRECT, reason}, 1});
    }
    begin_delivery(meta, std::nullopt, true, reading);
    EXPECT_EQ(meta.delivery_first.instance, 0U);
}

TEST(DeliverySince, CountsThatWereForgottenAreNone) {
    auto meta = meta_with(3, 1);
    begin_delivery(meta, std::nullopt, true, lost(3, 1000));
    EXPECT_THAT(since(meta.delivery_map, lost(3, 4), meta), IsEmpty());
}

}  // namespace
}  // namespace tally::loader
