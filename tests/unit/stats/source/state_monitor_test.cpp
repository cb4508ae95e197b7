// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/state_monitor.h"

#include <gmock/gmock.h>

namespace tally::stats {
namespace {

constexpr std::uint32_t kMap = 32;

// The loopback device is there in every network namespace, and nobody attaches XDP to it.
TEST(StateMonitor, AsksTheKernel) {
    auto context = enter_netns_context(std::nullopt, "/sys/fs/bpf");
    ASSERT_TRUE(context) << context.error().message();
    Meta meta = {};
    meta.counter_map_id = kMap;
    meta.program_id = 57;
    meta.attach_kind = XDP_TALLY_ATTACH_LINK;
    meta.netns_inode = context->inode;
    meta.ifindex = 1;
    StateMonitor lo("lo", {}, *context);
    EXPECT_EQ(lo.look(nullptr, kMap), AttachState::kForeign);
    EXPECT_EQ(lo.look(&meta, kMap), AttachState::kDetached);
    EXPECT_FALSE(lo.device_gone());
    StateMonitor missing("no-such-device", {}, *context);
    EXPECT_EQ(missing.look(&meta, kMap), AttachState::kDetached);
    EXPECT_TRUE(missing.device_gone());
    StateMonitor by_meta(std::nullopt, {}, *context);
    EXPECT_EQ(by_meta.look(&meta, kMap), AttachState::kDetached);
    meta.netns_inode = context->inode + 1;
    EXPECT_EQ(by_meta.look(&meta, kMap), AttachState::kUnknown);
    meta.netns_inode = context->inode;
    context->links.reset();
    EXPECT_EQ(lo.look(&meta, kMap), AttachState::kUnknown);
}

}  // namespace
}  // namespace tally::stats
