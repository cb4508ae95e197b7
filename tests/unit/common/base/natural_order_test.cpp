// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/natural_order.h"

#include <gtest/gtest.h>

#include <vector>

namespace tally {
namespace {

TEST(NaturalOrder, NumbersAreComparedAsNumbers) {
    const std::vector<std::string_view> in_order = {"",
                                                    "0",
                                                    "2",
                                                    "10",
                                                    "Eth0",
                                                    "br-lan",
                                                    "eth",
                                                    "eth0",
                                                    "eth1",
                                                    "eth01",
                                                    "eth2",
                                                    "eth2a",
                                                    "eth10",
                                                    "eth10.2",
                                                    "eth10.100",
                                                    "eth99999999999999999999",
                                                    "eth100000000000000000000",
                                                    "ethx",
                                                    "v1b2",
                                                    "v1b10",
                                                    "v2b1",
                                                    "\xc3\xa9th0"};
    for (std::size_t left = 0; left < in_order.size(); ++left) {
        for (std::size_t right = 0; right < in_order.size(); ++right) {
            EXPECT_EQ(natural_less(in_order[left], in_order[right]), left < right)
                << in_order[left] << " and " << in_order[right];
        }
    }
}

// Two zeros differ at two places: the order must still be one of all names.
TEST(NaturalOrder, ZerosInFrontDecideLast) {
    EXPECT_TRUE(natural_less("a01b1", "a1b2"));
    EXPECT_TRUE(natural_less("a1b2", "a01b3"));
    EXPECT_TRUE(natural_less("a01b1", "a1b01") != natural_less("a1b01", "a01b1"));
    EXPECT_TRUE(natural_less("a0", "a00"));
}

TEST(NaturalOrder, DevicesOfTheInitialNamespaceComeFirst) {
    using Device = std::pair<std::string_view, std::string_view>;
    const std::vector<Device> in_order = {{"", "eth2"},     {"", "eth10"},    {"", "zeta"},    {"a", "eth0"},
                                          {"ns2", "eth10"}, {"ns10", "eth2"}, {"ns10", "eth3"}};
    for (std::size_t left = 0; left < in_order.size(); ++left) {
        for (std::size_t right = 0; right < in_order.size(); ++right) {
            EXPECT_EQ(natural_device_less(in_order[left], in_order[right]), left < right)
                << left << " and " << right;
        }
    }
}

}  // namespace
}  // namespace tally
