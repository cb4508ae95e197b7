// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/state_monitor.h"

#include <gmock/gmock.h>

namespace tally::stats {
namespace {

constexpr std::uint32_t kMap = 32;
constexpr std::uint32_t kProgram = 57;
constexpr std::uint32_t kStranger = 99;

Meta record(std::uint32_t attach_kind = XDP_TALLY_ATTACH_LINK) {
    Meta meta = {};
    meta.counter_map_id = kMap;
    meta.program_id = kProgram;
    meta.attach_kind = attach_kind;
    return meta;
}

HookView running(std::uint32_t program) {
    HookView view;
    view.visibility = HookView::Visibility::kSeen;
    view.hook.program = AttachedProgram{program, XDP_TALLY_MODE_NATIVE};
    return view;
}

HookView nothing_runs() {
    HookView view;
    view.visibility = HookView::Visibility::kSeen;
    return view;
}

HookView gone() {
    HookView view;
    view.visibility = HookView::Visibility::kGone;
    return view;
}

TEST(AttachState, WithoutARecordIsForeign) {
    EXPECT_EQ(judge_attach_state(nullptr, kMap, running(kProgram)), AttachState::kForeign);
    EXPECT_EQ(judge_attach_state(nullptr, kMap, gone()), AttachState::kForeign);
}

TEST(AttachState, IsAttachedWhereTheRecordsProgramRuns) {
    for (const auto kind : {XDP_TALLY_ATTACH_LINK, XDP_TALLY_ATTACH_NETLINK, XDP_TALLY_ATTACH_DISPATCHER}) {
        const Meta meta = record(kind);
        EXPECT_EQ(judge_attach_state(&meta, kMap, running(kProgram)), AttachState::kAttached);
    }
    const Meta meta = record();
    HookView offloaded = nothing_runs();
    offloaded.hook.offloaded = AttachedProgram{kProgram, XDP_TALLY_MODE_OFFLOADED};
    EXPECT_EQ(judge_attach_state(&meta, kMap, offloaded), AttachState::kAttached);
}

TEST(AttachState, IsStaleWhereTheProgramCountsElsewhere) {
    const Meta meta = record();
    EXPECT_EQ(judge_attach_state(&meta, kMap, running(kStranger)), AttachState::kStale);
    EXPECT_EQ(judge_attach_state(&meta, kMap + 1, running(kProgram)), AttachState::kStale);
}

TEST(AttachState, IsDetachedWhereNothingRuns) {
    const Meta meta = record();
    EXPECT_EQ(judge_attach_state(&meta, kMap, nothing_runs()), AttachState::kDetached);
    EXPECT_EQ(judge_attach_state(&meta, kMap, gone()), AttachState::kDetached);
}

TEST(AttachState, IsUnknownWhereItCannotBeSeen) {
    const Meta meta = record();
    EXPECT_EQ(judge_attach_state(&meta, kMap, HookView{}), AttachState::kUnknown);
    // Of a component the hook names the dispatcher.
    const Meta component = record(XDP_TALLY_ATTACH_DISPATCHER);
    EXPECT_EQ(judge_attach_state(&component, kMap, running(kStranger)), AttachState::kUnknown);
    EXPECT_EQ(judge_attach_state(&component, kMap, nothing_runs()), AttachState::kDetached);
}

TEST(AttachState, OfAnObservedProgramIsThatProgramsPresence) {
    const Meta meta = record(XDP_TALLY_ATTACH_OBSERVE);
    EXPECT_EQ(judge_attach_state(&meta, kMap, running(meta.program_id)), AttachState::kAttached);
    EXPECT_EQ(judge_attach_state(&meta, kMap, running(kStranger)), AttachState::kStale);
    EXPECT_EQ(judge_attach_state(&meta, kMap, nothing_runs()), AttachState::kDetached);
}

TEST(AttachState, OfAComponentIsKnownByWhoMayLookIntoTheDispatcher) {
    const Meta meta = record(XDP_TALLY_ATTACH_DISPATCHER);
    HookView view = running(kStranger);
    view.hook_is_known = true;
    EXPECT_EQ(judge_attach_state(&meta, kMap, view), AttachState::kStale);
    view.hook.dispatcher = Dispatcher{kStranger, XDP_TALLY_MODE_NATIVE, false, {{1, "other", 50, 4, false}}};
    EXPECT_EQ(judge_attach_state(&meta, kMap, view), AttachState::kStale);
    view.hook.dispatcher->components.push_back({kProgram, "ours", 60, 4, false});
    EXPECT_EQ(judge_attach_state(&meta, kMap, view), AttachState::kAttached);
    EXPECT_EQ(judge_attach_state(&meta, kMap + 1, view), AttachState::kStale);
}

TEST(AttachState, OfARecordFromAnotherNamespaceIsKnownByTheProgramAlone) {
    const Meta meta = record();
    HookView view = running(kProgram);
    view.meta_is_elsewhere = true;
    EXPECT_EQ(judge_attach_state(&meta, kMap, view), AttachState::kAttached);
    for (HookView other : {running(kStranger), nothing_runs(), gone()}) {
        other.meta_is_elsewhere = true;
        EXPECT_EQ(judge_attach_state(&meta, kMap, other), AttachState::kUnknown);
    }
}

// The loopback device is there in every network namespace, and nobody attaches XDP to it.
TEST(StateMonitor, AsksTheKernel) {
    auto vantage = look_from_here({});
    ASSERT_TRUE(vantage) << vantage.error().message();
    Meta meta = record();
    meta.netns_inode = vantage->inode;
    meta.ifindex = 1;
    StateMonitor lo("lo", *vantage);
    EXPECT_EQ(lo.look(nullptr, kMap), AttachState::kForeign);
    EXPECT_EQ(lo.look(&meta, kMap), AttachState::kDetached);
    EXPECT_FALSE(lo.device_gone());
    StateMonitor missing("no-such-device", *vantage);
    EXPECT_EQ(missing.look(&meta, kMap), AttachState::kDetached);
    EXPECT_TRUE(missing.device_gone());
    StateMonitor by_record(std::nullopt, *vantage);
    EXPECT_EQ(by_record.look(&meta, kMap), AttachState::kDetached);
    meta.netns_inode = vantage->inode + 1;
    EXPECT_EQ(by_record.look(&meta, kMap), AttachState::kUnknown);
    meta.netns_inode = vantage->inode;
    vantage->links.reset();
    EXPECT_EQ(lo.look(&meta, kMap), AttachState::kUnknown);
}

}  // namespace
}  // namespace tally::stats
