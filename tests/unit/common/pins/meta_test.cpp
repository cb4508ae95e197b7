// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/meta.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "common/pins/counters.h"

namespace tally {
namespace {

// Maps 1 to 3 are ours, 4 is adopted.
Meta meta_of_four() {
    Meta meta = {};
    meta.map_count = 3;
    for (std::uint32_t i = 0; i < 4; ++i) {
        meta.map_ids[i] = i + 1;
    }
    return meta;
}

MapInfo map_with(std::uint32_t id, const std::string& name) {
    MapInfo map;
    map.id = id;
    map.name = name;
    return map;
}

TEST(Meta, ThePinsOfALoadHaveTheNamesOfTheirMaps) {
    const Meta meta = meta_of_four();
    EXPECT_TRUE(owns_pin(meta, "xdp_stats_map", map_with(1, "xdp_stats_map")));
    EXPECT_TRUE(owns_pin(meta, "a_name_that_is_cut", map_with(2, "a_name_that_is_"))) << "by the kernel";
    EXPECT_TRUE(owns_pin(meta, "%2Ebss", map_with(2, "object.bss")));
    EXPECT_TRUE(owns_pin(meta, "component:7:first", map_with(3, "xdp_stats_map")));
    EXPECT_TRUE(owns_pin(meta, "unnamed", map_with(3, "")));
}

TEST(Meta, AnotherPinOfTheSameMapIsSomebodyElses) {
    const Meta meta = meta_of_four();
    EXPECT_FALSE(owns_pin(meta, "backup", map_with(1, "xdp_stats_map")));
    EXPECT_FALSE(owns_pin(meta, "xdp_stats_map2", map_with(1, "xdp_stats_map")));
    EXPECT_FALSE(owns_pin(meta, "blocklist", map_with(4, "blocklist"))) << "adopted";
    EXPECT_TRUE(adopted_map(meta, 4));
    EXPECT_FALSE(owns_pin(meta, "blocklist", map_with(5, "blocklist")));
}

TEST(Counters, SinceTheFirstLoad) {
    EXPECT_EQ(since_first_load(0, 7), 7U);
    EXPECT_EQ(since_first_load(5, 7), 12U);
    EXPECT_EQ(since_first_load(0 - std::uint64_t{1000}, 1004), 4U) << "it held 1000 when it was adopted";
    EXPECT_EQ(since_first_load(0 - std::uint64_t{1000}, 3), 0U) << "its owner has reset it since";
    EXPECT_EQ(since_first_load(0, UINT64_MAX), UINT64_MAX);
}

std::vector<unsigned char> value_of(const Meta& meta, std::size_t size) {
    std::vector<unsigned char> value(sizeof(meta));
    std::memcpy(value.data(), &meta, sizeof(meta));
    value.resize(size);
    return value;
}

Meta valid_meta(std::uint32_t version) {
    Meta meta = meta_of_four();
    meta.magic = XDP_TALLY_MAGIC;
    meta.abi_version = version;
    return meta;
}

TEST(Meta, OfTheFirstVersionIsShorter) {
    constexpr std::size_t kFirst = offsetof(Meta, delivery_first);
    const auto meta = decode_meta(value_of(valid_meta(1), kFirst));
    ASSERT_TRUE(meta);
    EXPECT_EQ(meta->map_count, 3U);
    EXPECT_EQ(meta->delivery_first.instance, 0U);
    EXPECT_FALSE(decode_meta(value_of(valid_meta(1), kFirst - 1)));
    EXPECT_FALSE(decode_meta(value_of(valid_meta(2), kFirst))) << "it claims to have more";
}

TEST(Meta, OfANewerVersionIsLonger) {
    EXPECT_TRUE(decode_meta(value_of(valid_meta(XDP_TALLY_ABI_VERSION), sizeof(Meta))));
    EXPECT_TRUE(decode_meta(value_of(valid_meta(XDP_TALLY_ABI_VERSION + 1), sizeof(Meta) + 8)));
}

TEST(Meta, WithMoreDeliveriesThanThereIsRoomForIsNone) {
    Meta meta = valid_meta(XDP_TALLY_ABI_VERSION);
    meta.delivery_map.count = XDP_TALLY_DELIVERY_BASE_MAX + 1;
    EXPECT_FALSE(decode_meta(value_of(meta, sizeof(meta))));
}

std::string options_of(const std::string& program, std::uint32_t flags) {
    Meta meta = {};
    meta.flags = flags;
    program.copy(meta.program, sizeof(meta.program) - 1);
    return load_options(meta);
}

TEST(Meta, TellsHowABuiltInProgramIsLoaded) {
    for (const std::string frags : {"", "_frags"}) {
        const auto of = [&](const std::string& program) {
            return options_of(program + frags, XDP_TALLY_META_BUILT_IN);
        };
        EXPECT_EQ(of("xdp_pass"), "");
        EXPECT_EQ(of("xdp_drop"), " --action drop");
        EXPECT_EQ(of("xdp_aborted"), " --action aborted");
        EXPECT_EQ(of("xdp_tx"), " --action tx");
        EXPECT_EQ(of("xdp_redirect"), " --action redirect --redirect-to IFACE");
    }
    for (const auto* odd : {"", "x", "xdp_", "xdp", "nothing"}) {  // not written by us
        EXPECT_EQ(options_of(odd, XDP_TALLY_META_BUILT_IN), "") << odd;
    }
}

// The most frequent names of users' programs are those of the built-in ones.
TEST(Meta, TellsHowAProgramOfAFileIsLoaded) {
    for (const std::string own : {"xdp_pass", "xdp_drop", "xdp_redirect", "xdp_drop_frags", "my_filter"}) {
        EXPECT_EQ(options_of(own, XDP_TALLY_META_FRAGS), " --filename FILE --progname " + own);
    }
    for (const auto& cut : {std::string(), std::string(15, 'n'), std::string(63, 'n')}) {
        EXPECT_EQ(options_of(cut, 0), " --filename FILE") << cut;
    }
    EXPECT_EQ(options_of(std::string(16, 'n'), 0), " --filename FILE --progname " + std::string(16, 'n'));
}

TEST(Meta, WhereNothingIsPinnedThereIsNone) {
    for (const auto& meta :
         {find_meta("/no/such/directory"), find_trusted_meta("/no/such/directory", "/no")}) {
        ASSERT_TRUE(meta) << meta.error().message();
        EXPECT_FALSE(*meta);
    }
}

}  // namespace
}  // namespace tally
