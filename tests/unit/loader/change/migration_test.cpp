// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/migration.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

namespace tally::loader {
namespace {

MapLayout counters(std::uint32_t type, std::uint32_t entries) {
    return MapLayout{type, 4, 16, entries, 0, {}};
}

Fields fields(const std::string& first, const std::string& second) {
    return Fields{{0, Field{64, {first}}}, {64, Field{64, {second}}}};
}

TEST(Migration, KindOfArrayFlagsAndASixthEntryKeepTheMeaning) {
    EXPECT_TRUE(counts_like_ours(counters(BPF_MAP_TYPE_PERCPU_ARRAY, 5)));
    EXPECT_TRUE(counts_like_ours(counters(BPF_MAP_TYPE_ARRAY, 5)));
    EXPECT_TRUE(counts_like_ours(counters(BPF_MAP_TYPE_PERCPU_ARRAY, 6)));
    auto mapped = counters(BPF_MAP_TYPE_ARRAY, 5);
    mapped.flags = BPF_F_MMAPABLE;
    EXPECT_TRUE(counts_like_ours(mapped));
}

TEST(Migration, OtherKindsOfMapsDoNotCountLikeOurs) {
    EXPECT_FALSE(counts_like_ours(counters(BPF_MAP_TYPE_HASH, 5)));
    EXPECT_FALSE(counts_like_ours(counters(BPF_MAP_TYPE_PERCPU_ARRAY, 4)));
    EXPECT_FALSE(counts_like_ours(counters(BPF_MAP_TYPE_PERCPU_ARRAY, 7)));
    auto wide = counters(BPF_MAP_TYPE_PERCPU_ARRAY, 5);
    wide.value_size = 24;
    EXPECT_FALSE(counts_like_ours(wide));
}

TEST(Migration, FieldsMustBePacketsThenBytes) {
    auto layout = counters(BPF_MAP_TYPE_PERCPU_ARRAY, 5);
    layout.value_fields = fields("rx_packets", "rx_bytes");
    EXPECT_TRUE(counts_like_ours(layout));
    layout.value_fields = fields("packets", "bytes");
    EXPECT_TRUE(counts_like_ours(layout));
    layout.value_fields = fields("rx_bytes", "rx_packets");
    EXPECT_FALSE(counts_like_ours(layout));
    layout.value_fields = Fields{{0, Field{32, {"rx_packets"}}}, {64, Field{64, {"rx_bytes"}}}};
    EXPECT_FALSE(counts_like_ours(layout));
}

}  // namespace
}  // namespace tally::loader
