// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/map_compatibility.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <linux/bpf.h>

#include "common/base/unique_handle.h"
#include "loader/object/map_layout.h"

namespace tally::loader {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Field named(std::uint32_t bits, std::set<std::string> names) {
    return Field{bits, std::move(names)};
}

MapLayout counters() {
    return MapLayout{BPF_MAP_TYPE_PERCPU_ARRAY,
                     4,
                     16,
                     5,
                     0,
                     Fields{{0, named(64, {"rx_packets"})}, {64, named(64, {"rx_bytes"})}},
                     {}};
}

TEST(MapLayout, EqualLayoutsDoNotDiffer) {
    EXPECT_THAT(compare_layouts(counters(), counters()), IsEmpty());
}

TEST(MapLayout, EveryDifferingFieldIsNamed) {
    auto pinned = counters();
    pinned.type = BPF_MAP_TYPE_HASH;
    pinned.key_size = 8;
    pinned.value_size = 24;
    pinned.max_entries = 6;
    pinned.flags = 1;
    EXPECT_THAT(compare_layouts(pinned, counters()),
                ElementsAre("type: pinned hash, wanted percpu_array", "key size: pinned 8, wanted 4",
                            "value size: pinned 24, wanted 16", "entries: pinned 6, wanted 5",
                            "flags: pinned 0x1, wanted 0x0"));
}

TEST(MapLayout, SwappedFieldsOfEqualSizeDiffer) {
    auto wanted = counters();
    wanted.value_fields = Fields{{0, named(64, {"rx_bytes"})}, {64, named(64, {"rx_packets"})}};
    EXPECT_EQ(compare_layouts(counters(), wanted).size(), 2U);
}

TEST(MapLayout, ANarrowerFieldDiffers) {
    auto wanted = counters();
    wanted.value_fields = Fields{{0, named(32, {"rx_packets"})}, {64, named(64, {"rx_bytes"})}};
    EXPECT_THAT(compare_layouts(counters(), wanted),
                ElementsAre("value at byte 0: pinned rx_packets (64 bits), wanted rx_packets (32 bits)"));
}

TEST(MapLayout, LibxdpsUnionOfTwoNamesIsTheSameField) {
    auto libxdp = counters();
    libxdp.value_fields =
        Fields{{0, named(64, {"packets", "rx_packets"})}, {64, named(64, {"bytes", "rx_bytes"})}};
    EXPECT_THAT(compare_layouts(libxdp, counters()), IsEmpty());
}

TEST(MapLayout, WithoutBtfOnOneSideSizesDecide) {
    auto pinned = counters();
    pinned.value_fields.reset();
    EXPECT_THAT(compare_layouts(pinned, counters()), IsEmpty());
}

TEST(MapLayout, EntriesChosenByTheKernelAreNotCompared) {
    auto wanted = counters();
    wanted.max_entries = 0;
    EXPECT_THAT(compare_layouts(counters(), wanted), IsEmpty());
}

TEST(MapLayout, TheKernelsOwnFlagOnDeviceMapsIsNotADifference) {
    MapLayout wanted{BPF_MAP_TYPE_DEVMAP, 4, 4, 1, 0, {}, {}};
    MapLayout pinned = wanted;
    pinned.flags = BPF_F_RDONLY_PROG;
    EXPECT_THAT(compare_layouts(pinned, wanted), IsEmpty());
    pinned.type = wanted.type = BPF_MAP_TYPE_ARRAY;
    EXPECT_EQ(compare_layouts(pinned, wanted).size(), 1U);
}

TEST(MapLayout, AccessOfOneDescriptorIsNotADifference) {
    for (const auto type : {BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH}) {
        for (const unsigned flags : {BPF_F_RDONLY, BPF_F_WRONLY}) {
            const MapLayout pinned{static_cast<std::uint32_t>(type), 4, 4, 1, BPF_F_NO_PREALLOC, {}, {}};
            MapLayout wanted = pinned;
            wanted.flags |= flags;
            EXPECT_THAT(compare_layouts(pinned, wanted), IsEmpty());
            wanted.flags = flags;
            EXPECT_THAT(compare_layouts(pinned, wanted), ElementsAre("flags: pinned 0x1, wanted 0x0"));
        }
    }
}

TEST(MapLayout, OfListsForEachCpuTheKernelMakesWholeOnes) {
    const auto cpus = static_cast<std::uint32_t>(libbpf_num_possible_cpus());
    for (const auto type : {BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH}) {
        const MapLayout wanted{
            static_cast<std::uint32_t>(type), 4, 4, 7 * cpus + 1, BPF_F_NO_COMMON_LRU, {}, {}};
        MapLayout pinned = wanted;
        pinned.max_entries = 8 * cpus;
        EXPECT_THAT(compare_layouts(pinned, wanted), IsEmpty());
        pinned.max_entries = 9 * cpus;
        EXPECT_EQ(compare_layouts(pinned, wanted).size(), 1U);
        pinned.max_entries = 8 * cpus + 1;
        pinned.flags = 0;
        EXPECT_EQ(compare_layouts(pinned, wanted).size(), 2U);
    }
}

TEST(MapLayout, OfTheMapsInAMapWhatTheVerifierAsksForIsCompared) {
    MapLayout inner{BPF_MAP_TYPE_HASH, 4, 8, 7, 0, Fields{{0, named(64, {"seen"})}}, {}};
    MapLayout wanted{BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 3, 0, {}, {inner}};
    MapLayout pinned = wanted;
    pinned.inner.front().max_entries = 8;
    pinned.inner.front().value_fields = Fields{{0, named(64, {"other"})}};
    EXPECT_THAT(compare_layouts(pinned, wanted), IsEmpty());
    pinned.inner.front().value_size = 16;
    EXPECT_THAT(compare_layouts(pinned, wanted),
                ElementsAre("the maps in it: value size: pinned 16, wanted 8"));
    pinned.inner.clear();
    EXPECT_THAT(compare_layouts(pinned, wanted), IsEmpty());
    inner.type = BPF_MAP_TYPE_ARRAY;
    wanted.inner = pinned.inner = {inner};
    pinned.inner.front().max_entries = 8;
    EXPECT_THAT(compare_layouts(pinned, wanted), ElementsAre("the maps in it: entries: pinned 8, wanted 7"));
    wanted.inner.front().flags = pinned.inner.front().flags = BPF_F_INNER_MAP;
    EXPECT_THAT(compare_layouts(pinned, wanted), IsEmpty());
}

// struct { u32 a : `width`; u32 b : 4; }, and after them another bitfield.
Fields bitfields(std::uint32_t width, std::uint32_t last) {
    const UniqueHandle<btf, btf__free> types(btf__new_empty());
    const int u32 = btf__add_int(types.get(), "u32", 4, 0);
    const int outer = btf__add_struct(types.get(), "outer", 4);
    btf__add_field(types.get(), "a", u32, 0, width);
    btf__add_field(types.get(), "b", u32, width, 4);
    btf__add_field(types.get(), "c", u32, width + 4, last);
    return flatten_type(types.get(), static_cast<std::uint32_t>(outer));
}

TEST(MapLayout, BitfieldsAreComparedByTheirWidth) {
    const MapLayout pinned{BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0, bitfields(4, 8), {}};
    MapLayout wanted = pinned;
    EXPECT_THAT(compare_layouts(pinned, wanted), IsEmpty());
    wanted.value_fields = bitfields(4, 16);
    EXPECT_THAT(compare_layouts(pinned, wanted),
                ElementsAre("value at byte 1: pinned c (8 bits), wanted c (16 bits)"));
    wanted.value_fields = bitfields(3, 8);
    EXPECT_THAT(compare_layouts(pinned, wanted),
                ElementsAre("value at byte 0: pinned a (4 bits), wanted a (3 bits)",
                            "value at byte 0, bit 3: pinned nothing, wanted b (4 bits)",
                            "value at byte 0, bit 4: pinned b (4 bits), wanted nothing",
                            "value at byte 0, bit 7: pinned nothing, wanted c (8 bits)",
                            "value at byte 1: pinned c (8 bits), wanted nothing"));
}

// struct pair { u32 a; u32 b; }; struct outer { struct pair pairs[3]; u32 grid[2][4]; };
TEST(MapLayout, ArraysOfStructsAreFlattenedToTheFirstAndTheirNumber) {
    const UniqueHandle<btf, btf__free> types(btf__new_empty());
    const int u32 = btf__add_int(types.get(), "u32", 4, 0);
    const int pair = btf__add_struct(types.get(), "pair", 8);
    btf__add_field(types.get(), "a", u32, 0, 0);
    btf__add_field(types.get(), "b", u32, 32, 0);
    const int pairs = btf__add_array(types.get(), u32, pair, 3);
    const int row = btf__add_array(types.get(), u32, u32, 4);
    const int grid = btf__add_array(types.get(), u32, row, 2);
    const int outer = btf__add_struct(types.get(), "outer", 56);
    btf__add_field(types.get(), "pairs", pairs, 0, 0);
    btf__add_field(types.get(), "grid", grid, 192, 0);

    const auto fields = flatten_type(types.get(), static_cast<std::uint32_t>(outer));
    ASSERT_EQ(fields.size(), 3U);
    EXPECT_THAT(fields.at(0).names, ElementsAre("pairs[3].a"));
    EXPECT_EQ(fields.at(0).bits, 32U);
    EXPECT_THAT(fields.at(32).names, ElementsAre("pairs[3].b"));
    EXPECT_THAT(fields.at(192).names, ElementsAre("grid[2]"));
    EXPECT_EQ(fields.at(192).bits, 128U);
}

// u64 seen; struct pair last;  // both in .bss
TEST(MapLayout, DataSectionsAreFlattenedToTheirVariables) {
    const UniqueHandle<btf, btf__free> types(btf__new_empty());
    const int u64 = btf__add_int(types.get(), "u64", 8, 0);
    const int pair = btf__add_struct(types.get(), "pair", 16);
    btf__add_field(types.get(), "a", u64, 0, 0);
    btf__add_field(types.get(), "b", u64, 64, 0);
    const int seen = btf__add_var(types.get(), "seen", BTF_VAR_GLOBAL_ALLOCATED, u64);
    const int last = btf__add_var(types.get(), "last", BTF_VAR_GLOBAL_ALLOCATED, pair);
    const int section = btf__add_datasec(types.get(), ".bss", 24);
    btf__add_datasec_var_info(types.get(), last, 8, 16);
    btf__add_datasec_var_info(types.get(), seen, 0, 8);

    const auto fields = flatten_type(types.get(), static_cast<std::uint32_t>(section));
    ASSERT_EQ(fields.size(), 3U);
    EXPECT_THAT(fields.at(0).names, ElementsAre("seen"));
    EXPECT_THAT(fields.at(64).names, ElementsAre("last.a"));
    EXPECT_THAT(fields.at(128).names, ElementsAre("last.b"));
}

// struct inner { u64 rx_bytes; }; struct outer { union { u32 a; u32 b; }; u32 list[2]; struct inner stats; };
TEST(MapLayout, TypesAreFlattenedThroughUnionsArraysAndStructs) {
    const UniqueHandle<btf, btf__free> types(btf__new_empty());
    const int u32 = btf__add_int(types.get(), "u32", 4, 0);
    const int u64 = btf__add_int(types.get(), "u64", 8, 0);
    const int list = btf__add_array(types.get(), u32, u32, 2);
    const int either = btf__add_union(types.get(), "", 4);
    btf__add_field(types.get(), "a", u32, 0, 0);
    btf__add_field(types.get(), "b", u32, 0, 0);
    const int inner = btf__add_struct(types.get(), "inner", 8);
    btf__add_field(types.get(), "rx_bytes", u64, 0, 0);
    const int outer = btf__add_struct(types.get(), "outer", 24);
    btf__add_field(types.get(), "", either, 0, 0);
    btf__add_field(types.get(), "list", list, 32, 0);
    btf__add_field(types.get(), "stats", inner, 128, 0);

    const auto fields = flatten_type(types.get(), static_cast<std::uint32_t>(outer));
    ASSERT_EQ(fields.size(), 3U);
    EXPECT_THAT(fields.at(0).names, ElementsAre("a", "b"));
    EXPECT_EQ(fields.at(0).bits, 32U);
    EXPECT_THAT(fields.at(32).names, ElementsAre("list"));
    EXPECT_EQ(fields.at(32).bits, 64U);
    EXPECT_THAT(fields.at(128).names, ElementsAre("stats.rx_bytes"));
    EXPECT_EQ(fields.at(128).bits, 64U);
}

}  // namespace
}  // namespace tally::loader
