// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/bpf/dispatcher_config.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace tally {
namespace {

using Bytes = std::vector<unsigned char>;

void put(Bytes& bytes, std::size_t word, std::uint32_t value) {
    std::memcpy(bytes.data() + word * sizeof(value), &value, sizeof(value));
}

// The header of versions 2 and 3 is one word, and so is that of version 1, with its padding.
Bytes config_of(std::size_t size) {
    Bytes bytes(size);
    put(bytes, 1, 0x80000004);
    put(bytes, 2, 0x80000006);
    put(bytes, 11, 7);
    put(bytes, 12, 50);
    return bytes;
}

void expect_two_slots(const DispatcherConfig& config) {
    ASSERT_EQ(config.slots.size(), 2U);
    EXPECT_EQ(config.slots[0].priority, 7U);
    EXPECT_EQ(config.slots[0].chain_actions, 4U);
    EXPECT_EQ(config.slots[1].priority, 50U);
    EXPECT_EQ(config.slots[1].chain_actions, 6U) << "the bit of an empty slot is no action";
}

TEST(DispatcherConfig, ReadsTheFirstVersion) {
    Bytes bytes = config_of(84);
    bytes[0] = 2;
    EXPECT_FALSE(dispatcher_version(bytes)) << "only its BTF tells";
    const auto config = decode_dispatcher_config(bytes, 1);
    ASSERT_TRUE(config);
    EXPECT_FALSE(config->frags);
    expect_two_slots(*config);
}

TEST(DispatcherConfig, ReadsTheNewerVersions) {
    for (const auto& [version, size] : {std::pair(2U, 124U), std::pair(3U, 128U)}) {
        Bytes bytes = config_of(size);
        bytes[0] = 236;
        bytes[1] = static_cast<unsigned char>(version);
        bytes[2] = 2;
        bytes[3] = 1;
        put(bytes, 22, 1U << 5);
        ASSERT_EQ(dispatcher_version(bytes), version);
        const auto config = decode_dispatcher_config(bytes, version);
        ASSERT_TRUE(config) << version;
        EXPECT_TRUE(config->frags);
        expect_two_slots(*config);
        EXPECT_FALSE(config->slots[0].frags);
        EXPECT_TRUE(config->slots[1].frags);
    }
}

TEST(DispatcherConfig, RefusesWhatItDoesNotKnow) {
    Bytes bytes = config_of(124);
    bytes[0] = 236;
    bytes[1] = 2;
    bytes[2] = 11;
    EXPECT_FALSE(decode_dispatcher_config(bytes, 2)) << "more programs than slots";
    bytes[2] = 10;
    EXPECT_TRUE(decode_dispatcher_config(bytes, 2));
    EXPECT_FALSE(decode_dispatcher_config(bytes, 0));
    EXPECT_FALSE(decode_dispatcher_config(bytes, 3)) << "another version's size";
    EXPECT_FALSE(decode_dispatcher_config(bytes, 4));
    EXPECT_FALSE(decode_dispatcher_config(Bytes(), 2));
    EXPECT_FALSE(dispatcher_version(Bytes(1, 236)));
}

}  // namespace
}  // namespace tally
