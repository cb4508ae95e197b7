// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/netlink_message.h"

#include <gmock/gmock.h>

#include <utility>
#include <vector>

#include "common/network/device_features.h"
#include "common/network/netlink_for_tests.h"

namespace tally {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::vector<std::pair<int, std::string>> walk(std::string_view bytes) {
    std::vector<std::pair<int, std::string>> seen;
    for_each_attribute(bytes, [&seen](int type, std::string_view payload) {
        seen.emplace_back(type, std::string(payload));
    });
    return seen;
}

TEST(NetlinkMessage, AttributesArePaddedToFourBytes) {
    EXPECT_THAT(walk(attribute(1, "a") + attribute(2, "") + attribute(3, "abcde")),
                ElementsAre(Pair(1, "a"), Pair(2, ""), Pair(3, "abcde")));
    EXPECT_THAT(walk(attribute(7 | NLA_F_NESTED, "x")), ElementsAre(Pair(7, "x")));
}

TEST(NetlinkMessage, WhatIsCutOffEndsTheWalk) {
    const std::string whole = attribute(1, "abcd") + attribute(2, "efgh");
    EXPECT_THAT(walk(std::string_view(whole).substr(0, whole.size() - 1)), ElementsAre(Pair(1, "abcd")));
    EXPECT_THAT(walk(bytes_of(nlattr{0, 1})), IsEmpty());
    EXPECT_THAT(walk("ab"), IsEmpty());
    EXPECT_THAT(attributes_behind("short", 100), IsEmpty());
}

TEST(NetlinkMessage, ShortPayloadsAreFilledWithZeros) {
    EXPECT_EQ(load_from<std::uint32_t>(std::string_view("\1", 1)), 1U);
    EXPECT_EQ(load_text(std::string_view("eth0\0rest", 9)), "eth0");
    EXPECT_EQ(load_text("eth0"), "eth0");
}

TEST(DeviceFeatures, AreReadFromTheirAttributes) {
    const auto features = parse_device_features(
        attribute(1, bytes_of(std::uint32_t{7})) + attribute(3, bytes_of(std::uint64_t{7})) +
        attribute(4, bytes_of(std::uint32_t{18})) + attribute(5, bytes_of(std::uint64_t{2})));
    EXPECT_TRUE(features.has(XdpFeature::kNative));
    EXPECT_TRUE(features.has(XdpFeature::kReceivesRedirects));
    EXPECT_FALSE(features.has(XdpFeature::kZeroCopy));
    EXPECT_TRUE(features.has(RxMetadata::kHash));
    EXPECT_FALSE(features.has(RxMetadata::kTimestamp));
    EXPECT_EQ(features.zero_copy_segments, 18U);
    EXPECT_EQ(parse_device_features("").xdp, 0U);
    EXPECT_EQ(parse_device_features("").rx_metadata, std::nullopt);
    const auto without_metadata = parse_device_features(attribute(5, bytes_of(std::uint64_t{0})));
    EXPECT_EQ(without_metadata.rx_metadata, 0U);
}

TEST(DeviceFeatures, HaveWords) {
    DeviceFeatures features;
    features.xdp = 0x45;
    features.rx_metadata = 5;
    EXPECT_THAT(words_of(features), ElementsAre("native mode", "receiving redirects (NDO_XMIT)",
                                                "receiving redirects with frags"));
    EXPECT_THAT(metadata_words_of(features), ElementsAre("timestamp", "VLAN tag"));
    EXPECT_THAT(words_of({}), IsEmpty());
    EXPECT_THAT(metadata_words_of({}), IsEmpty());
}

// The loopback device runs no program itself, where the kernel tells that at all.
TEST(DeviceFeatures, OfTheLoopbackDevice) {
    const auto features = query_device_features(1);
    ASSERT_TRUE(features) << features.error().message();
    if (*features) {
        EXPECT_FALSE((*features)->has(XdpFeature::kNative));
        EXPECT_EQ(query_device_features(0x7ffffff0).error().kind, ErrorKind::kNotFound);
    }
}

}  // namespace
}  // namespace tally
