// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/cli/listen_address.h"

#include <gmock/gmock.h>

namespace tally::stats {
namespace {

std::string address_of(std::string_view text) {
    const auto address = parse_listen_address(text);
    return address ? address->text() : address.error().reason;
}

TEST(ListenAddress, IsAnAddressAndAPort) {
    EXPECT_EQ(address_of("127.0.0.1:9417"), "127.0.0.1:9417");
    EXPECT_EQ(address_of("0.0.0.0:1"), "0.0.0.0:1");
    EXPECT_EQ(address_of("[::1]:9417"), "[::1]:9417");
    EXPECT_EQ(address_of("[::]:65535"), "[::]:65535");
}

TEST(ListenAddress, OfAPortAloneIsLoopback) {
    EXPECT_EQ(address_of("9417"), "127.0.0.1:9417");
    EXPECT_EQ(address_of(":9417"), "127.0.0.1:9417");
    EXPECT_EQ(address_of("0"), "127.0.0.1:0");
}

TEST(ListenAddress, OfLocalhostIsLoopback) {
    EXPECT_EQ(address_of("localhost:9417"), "127.0.0.1:9417");
}

TEST(ListenAddress, MayBeAll) {
    EXPECT_EQ(address_of("*:9417"), "*:9417");
    EXPECT_FALSE(parse_listen_address("*:9417")->loopback());
}

TEST(ListenAddress, KnowsWhetherTheUserNamedIt) {
    EXPECT_TRUE(parse_listen_address("9417")->implied);
    EXPECT_TRUE(parse_listen_address(":9417")->implied);
    EXPECT_FALSE(parse_listen_address("localhost:9417")->implied);
    EXPECT_FALSE(parse_listen_address("127.0.0.1:9417")->implied);
}

TEST(ListenAddress, KnowsWhoReachesIt) {
    for (const auto* text : {"9417", "127.0.0.2:1", "[::1]:1", "localhost:1"}) {
        EXPECT_TRUE(parse_listen_address(text)->loopback()) << text;
    }
    for (const auto* text : {"0.0.0.0:1", "192.0.2.1:1", "[::]:1", "[2001:db8::1]:1"}) {
        EXPECT_FALSE(parse_listen_address(text)->loopback()) << text;
    }
}

TEST(ListenAddress, SaysWhatIsWrong) {
    for (const auto* text : {"", ":", "127.0.0.1", "127.0.0.1:", "1:65536", "1:-1", "1: 9417", "1:9417 "}) {
        EXPECT_EQ(address_of(text), "a port is a number from 0 to 65535") << text;
    }
    EXPECT_EQ(address_of("*"), "a port is a number from 0 to 65535");
    EXPECT_EQ(address_of("[localhost]:1"), "'localhost' is not an IP address");
    EXPECT_EQ(address_of("**:1"), "'**' is not an IP address");
    EXPECT_EQ(address_of("1.2.3:1"), "'1.2.3' is not an IP address");
    EXPECT_EQ(address_of("[1.2.3.4]:1"), "'1.2.3.4' is not an IP address");
    EXPECT_EQ(address_of("[]:1"), "'[]' is not an IP address");
    EXPECT_EQ(address_of("::1:1"), "an IPv6 address must be in brackets");
}

}  // namespace
}  // namespace tally::stats
