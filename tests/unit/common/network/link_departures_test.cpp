// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/link_departures.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <string>

#include "common/network/netlink_for_tests.h"

namespace tally {
namespace {

std::string announcement(std::uint16_t type, std::uint8_t family, const std::string& attributes) {
    nlmsghdr header = {};
    header.nlmsg_type = type;
    ifinfomsg link = {};
    link.ifi_family = family;
    link.ifi_index = 7;
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof(header) + sizeof(link) + attributes.size());
    return bytes_of(header) + bytes_of(link) + attributes;
}

TEST(LinkDeparture, OfADeletedInterfaceNamesNoNamespace) {
    const auto departure = parse_departure(announcement(RTM_DELLINK, AF_UNSPEC, attribute(IFLA_MTU, 1500)));
    ASSERT_TRUE(departure);
    EXPECT_EQ(departure->ifindex, 7U);
    EXPECT_FALSE(departure->netns_id);
}

TEST(LinkDeparture, OfAMovedInterfaceNamesTheNamespace) {
    const auto departure = parse_departure(announcement(
        RTM_DELLINK, AF_UNSPEC, attribute(IFLA_NEW_NETNSID, 3) + attribute(IFLA_NEW_IFINDEX, 12)));
    ASSERT_TRUE(departure);
    EXPECT_EQ(departure->netns_id, 3);
}

TEST(LinkDeparture, OtherAnnouncementsAreNone) {
    EXPECT_FALSE(parse_departure(announcement(RTM_NEWLINK, AF_UNSPEC, {})));
    EXPECT_FALSE(parse_departure(announcement(RTM_DELLINK, AF_BRIDGE, {}))) << "it has left a bridge";
    const std::string whole = announcement(RTM_DELLINK, AF_UNSPEC, {});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(parse_departure(whole.substr(0, size))) << size;
    }
}

TEST(LinkDepartures, NothingIsTakenWhereNothingHappened) {
    auto departures = LinkDepartures::open();
    ASSERT_TRUE(departures) << departures.error().message();
    EXPECT_TRUE(departures->drain().empty());
}

}  // namespace
}  // namespace tally
