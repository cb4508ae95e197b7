// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/link_socket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace tally {
namespace {

// The loopback device is there in every network namespace, and nobody attaches XDP to it.
TEST(LinkSocket, FindsByNameAndByIndex) {
    auto links = LinkSocket::open();
    ASSERT_TRUE(links) << links.error().message();
    const auto by_name = links->find("lo");
    ASSERT_TRUE(by_name) << by_name.error().message();
    EXPECT_EQ(by_name->interface.ifindex, 1U);
    EXPECT_GT(by_name->interface.mtu, 0U);
    EXPECT_TRUE(by_name->hook.empty());
    const auto by_index = links->find(1);
    ASSERT_TRUE(by_index);
    EXPECT_EQ(by_index->interface.name, "lo");
}

TEST(LinkSocket, ListsAllOfThemAndGoesOn) {
    auto links = LinkSocket::open();
    ASSERT_TRUE(links);
    for (int round = 0; round < 2; ++round) {
        const auto list = links->list();
        ASSERT_TRUE(list) << list.error().message();
        EXPECT_EQ(std::count_if(list->begin(), list->end(),
                                [](const Link& link) {
                                    return link.interface.name == "lo" && link.interface.ifindex == 1;
                                }),
                  1);
    }
    EXPECT_TRUE(links->find("lo"));
}

TEST(LinkSocket, WhatIsNotThereIsNotFound) {
    auto links = LinkSocket::open();
    ASSERT_TRUE(links);
    for (const char* name : {"no-such-device", "no-such-alternative-name-either"}) {
        const auto link = links->find(name);
        ASSERT_FALSE(link);
        EXPECT_EQ(link.error().kind, ErrorKind::kNotFound) << link.error().message();
    }
    EXPECT_EQ(links->find(0x7ffffff0).error().kind, ErrorKind::kNotFound);
    EXPECT_TRUE(links->find("lo")) << "the socket goes on";
}

// A reply that another thread takes is waited for without end.
TEST(LinkSocket, ThreadsGetTheirOwnReplies) {
    constexpr int kRounds = 300;
    auto links = LinkSocket::open();
    ASSERT_TRUE(links);
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&links] {
            for (int round = 0; round < kRounds; ++round) {
                const auto list = links->list();
                EXPECT_TRUE(list && !list->empty());
                const auto one = links->find("lo");
                EXPECT_TRUE(one && one->interface.ifindex == 1);
            }
        });
    }
}

}  // namespace
}  // namespace tally
