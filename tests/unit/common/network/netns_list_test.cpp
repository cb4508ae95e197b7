// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/netns_list.h"

#include <gtest/gtest.h>

#include <set>

#include "common/network/netns.h"

namespace tally {
namespace {

TEST(ListNamespaces, HasThisProcesssOwnOnceAndEachUnderANameThatOpensIt) {
    const auto own = current_netns_inode();
    ASSERT_TRUE(own);
    std::set<std::uint64_t> seen;
    for (const auto& netns : list_namespaces().list) {
        EXPECT_TRUE(seen.insert(netns.inode).second) << netns.name;
        if (netns.inode == *own) {
            const auto fd = open_netns(netns.name);
            ASSERT_TRUE(fd) << netns.name;
            EXPECT_EQ(*netns_inode(*fd), *own);
        }
    }
    EXPECT_TRUE(seen.contains(*own));
}

}  // namespace
}  // namespace tally
