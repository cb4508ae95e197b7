// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/delivery.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tally {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;
using testing::IsEmpty;

DeliveryMeta valid_meta() {
    DeliveryMeta meta = {};
    meta.magic = XDP_TALLY_DELIVERY_MAGIC;
    meta.abi_version = XDP_TALLY_DELIVERY_ABI_VERSION;
    meta.instance = 7;
    return meta;
}

std::vector<unsigned char> bytes_of(const DeliveryMeta& meta, std::size_t size = sizeof(DeliveryMeta)) {
    std::vector<unsigned char> bytes(std::max(size, sizeof(meta)));
    std::memcpy(bytes.data(), &meta, sizeof(meta));
    bytes.resize(size);
    return bytes;
}

bool is_refused(const DeliveryMeta& meta) {
    const auto decoded = decode_delivery_meta(bytes_of(meta));
    return !decoded && decoded.error().kind == ErrorKind::kConflict;
}

TEST(DeliveryMeta, OfThisVersionAndOfNewerOnes) {
    auto meta = valid_meta();
    EXPECT_EQ(decode_delivery_meta(bytes_of(meta))->instance, 7U);
    meta.abi_version = XDP_TALLY_DELIVERY_ABI_VERSION + 1;
    EXPECT_EQ(decode_delivery_meta(bytes_of(meta, sizeof(meta) + 8))->instance, 7U) << "with more fields";
}

TEST(DeliveryMeta, AnythingElseIsNone) {
    auto meta = valid_meta();
    meta.magic = 1;
    EXPECT_TRUE(is_refused(meta));
    meta = valid_meta();
    meta.abi_version = 0;
    EXPECT_TRUE(is_refused(meta));
    meta = valid_meta();
    meta.instance = 0;
    EXPECT_TRUE(is_refused(meta));
    EXPECT_FALSE(decode_delivery_meta(bytes_of(valid_meta(), sizeof(meta) - 1)));
    EXPECT_FALSE(decode_delivery_meta({}));
}

DeliveryCounts two_devices_and_two_cpumaps() {
    DeliveryCounts counts;
    counts.devices = {{{100, 3, XDP_REDIRECT, ENETDOWN}, 5},
                      {{100, 3, XDP_REDIRECT, XDP_TALLY_DELIVERED}, 7},
                      {{100, 3, XDP_ABORTED, XDP_TALLY_LOST_EXCEPTION}, 2},
                      {{100, 4, XDP_REDIRECT, ENETDOWN}, 1000},
                      {{101, 3, XDP_REDIRECT, ENETDOWN}, 1000}};
    counts.cpumaps = {{{20, XDP_TALLY_DELIVERED}, 11},
                      {{20, XDP_TALLY_LOST_QUEUE_FULL}, 4},
                      {{21, XDP_TALLY_DELIVERED}, 1000}};
    return counts;
}

TEST(DeliveryOf, ADeviceAloneHasItsOwnCounts) {
    EXPECT_THAT(
        delivery_of(two_devices_and_two_cpumaps(), 100, 3, {}),
        ElementsAre(FieldsAre(XDP_ABORTED, XDP_TALLY_LOST_EXCEPTION, 2),
                    FieldsAre(XDP_REDIRECT, XDP_TALLY_DELIVERED, 7), FieldsAre(XDP_REDIRECT, ENETDOWN, 5)));
}

TEST(DeliveryOf, WhatBecameOfItsCpumapsIsAdded) {
    const std::array<std::uint32_t, 3> maps = {19, 20, 0};
    EXPECT_THAT(
        delivery_of(two_devices_and_two_cpumaps(), 100, 3, maps),
        ElementsAre(FieldsAre(XDP_ABORTED, XDP_TALLY_LOST_EXCEPTION, 2),
                    FieldsAre(XDP_REDIRECT, XDP_TALLY_DELIVERED, 18), FieldsAre(XDP_REDIRECT, ENETDOWN, 5),
                    FieldsAre(XDP_REDIRECT, XDP_TALLY_LOST_QUEUE_FULL, 4)));
}

TEST(DeliveryOf, OfADeviceThatIsNotThereIsNothing) {
    EXPECT_THAT(delivery_of(two_devices_and_two_cpumaps(), 102, 3, {}), IsEmpty());
}

}  // namespace
}  // namespace tally
