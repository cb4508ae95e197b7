// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/device_option.h"

#include <gtest/gtest.h>

namespace tally {
namespace {

std::string described(const std::vector<std::string>& devices, const std::optional<std::string>& netns = {}) {
    const auto named = read_devices(devices, netns);
    if (!named) {
        return named.error().message();
    }
    std::string text;
    for (const auto& group : group_by_netns(*named)) {
        text += group.netns.value_or("-") + ":";
        for (const auto& name : group.names) {
            text += name + ",";
        }
    }
    return text;
}

TEST(DeviceOption, ANamespaceMayStandBeforeTheInterface) {
    EXPECT_EQ(described({"a", "b"}), "-:a,b,");
    EXPECT_EQ(described({"red/a"}), "red:a,");
    EXPECT_EQ(described({"red/a", "b", "red/c", "blue/a"}), "red:a,c,-:b,blue:a,");
    EXPECT_EQ(described({"/proc/7/ns/net/a"}), "/proc/7/ns/net:a,");
    EXPECT_EQ(described({"/a"}), ":a,");
    EXPECT_EQ(described({"red/with:colon"}), "red:with:colon,");
}

TEST(DeviceOption, AGroupKnowsThePlacesOfItsNames) {
    const auto named = read_devices({"red/a", "b", "red/c", "red/a"}, std::nullopt);
    ASSERT_TRUE(named);
    const auto groups = group_by_netns(*named);
    ASSERT_EQ(groups.size(), 2U);
    EXPECT_EQ(groups[0].places, (std::vector<std::size_t>{0, 2, 3}));
    EXPECT_EQ(groups[1].places, (std::vector<std::size_t>{1}));
}

TEST(DeviceOption, WithNetnsBothNameTheSame) {
    EXPECT_EQ(described({"a", "red/b"}, "red"), "red:a,b,");
    EXPECT_EQ(described({"a", "blue/b"}, "red"),
              "--dev 'blue/b' with --netns 'red': they name different network namespaces");
}

}  // namespace
}  // namespace tally
