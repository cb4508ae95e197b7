// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/netns_id.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace tally {
namespace {

TEST(NetnsId, NumbersThatAreNoneAreNobodys) {
    auto links = LinkSocket::open();
    ASSERT_TRUE(links) << links.error().message();
    EXPECT_EQ(describe_netns_id(*links, -1), "");
    EXPECT_EQ(describe_netns_id(*links, 0x7ffffff0), "");
}

TEST(NetnsId, AskingNeedsAProcess) {
    auto links = LinkSocket::open();
    ASSERT_TRUE(links);
    EXPECT_TRUE(links->netns_id_of_process(::getpid())) << "asked about its own namespace, known or not";
    EXPECT_FALSE(links->netns_id_of_process(0x7ffffff0));
    EXPECT_TRUE(links->find("lo")) << "the socket goes on";
}

}  // namespace
}  // namespace tally
