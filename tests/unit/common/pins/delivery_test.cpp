// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/delivery.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>

namespace tally {
namespace {

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

}  // namespace
}  // namespace tally
