// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/upper_devices.h"

#include <gtest/gtest.h>

namespace tally::loader {
namespace {

Link link_with(std::uint32_t ifindex) {
    Link link;
    link.interface.ifindex = ifindex;
    return link;
}

TEST(UpperDevices, MacvlansAndVlansNameWhatTheyAreOn) {
    const Link lower = link_with(3);
    Link upper = link_with(4);
    EXPECT_FALSE(is_above(upper, lower));
    upper.below = 3;
    EXPECT_TRUE(is_above(upper, lower));
    EXPECT_FALSE(is_above(lower, upper));
}

TEST(UpperDevices, SlavesNameTheirBridgeOrBond) {
    Link lower = link_with(3);
    lower.master = 4;
    EXPECT_TRUE(is_above(link_with(4), lower));
    EXPECT_FALSE(is_above(link_with(5), lower));
    EXPECT_FALSE(is_above(lower, link_with(4)));
}

TEST(UpperDevices, APairIsNotOnTopOfEachOther) {
    Link one = link_with(3);
    Link other = link_with(4);
    one.below = 4;
    other.below = 3;
    EXPECT_FALSE(is_above(one, other));
    EXPECT_FALSE(is_above(other, one));
    Link upper = link_with(5);
    upper.below = 3;
    EXPECT_TRUE(is_above(upper, one));
    EXPECT_FALSE(is_above(upper, other));
}

TEST(UpperDevices, AnIndexOfAnotherNamespaceIsAnotherDevice) {
    const Link lower = link_with(3);
    Link upper = link_with(4);
    upper.below = 3;
    upper.below_netns = 0;
    EXPECT_FALSE(is_above(upper, lower));
}

}  // namespace
}  // namespace tally::loader
