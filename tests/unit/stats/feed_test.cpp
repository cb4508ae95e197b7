#include "stats/feed.h"

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

DeviceView running(std::uint32_t program) {
    DeviceView view;
    view.sight = DeviceView::Sight::kSeen;
    view.hook.program = AttachedProgram{program, XDP_TALLY_MODE_NATIVE};
    return view;
}

DeviceView nothing_runs() {
    DeviceView view;
    view.sight = DeviceView::Sight::kSeen;
    return view;
}

DeviceView gone() {
    DeviceView view;
    view.sight = DeviceView::Sight::kGone;
    return view;
}

TEST(Feed, WithoutARecordIsForeign) {
    EXPECT_EQ(judge_feed(nullptr, kMap, running(kProgram)), FeedState::kForeign);
    EXPECT_EQ(judge_feed(nullptr, kMap, gone()), FeedState::kForeign);
}

TEST(Feed, IsAttachedWhereTheRecordsProgramRuns) {
    for (const auto kind : {XDP_TALLY_ATTACH_LINK, XDP_TALLY_ATTACH_NETLINK, XDP_TALLY_ATTACH_DISPATCHER}) {
        const Meta meta = record(kind);
        EXPECT_EQ(judge_feed(&meta, kMap, running(kProgram)), FeedState::kAttached);
    }
    const Meta meta = record();
    DeviceView offloaded = nothing_runs();
    offloaded.hook.offloaded = AttachedProgram{kProgram, XDP_TALLY_MODE_OFFLOADED};
    EXPECT_EQ(judge_feed(&meta, kMap, offloaded), FeedState::kAttached);
}

TEST(Feed, IsStaleWhereTheProgramCountsElsewhere) {
    const Meta meta = record();
    EXPECT_EQ(judge_feed(&meta, kMap, running(kStranger)), FeedState::kStale);
    EXPECT_EQ(judge_feed(&meta, kMap + 1, running(kProgram)), FeedState::kStale);
}

TEST(Feed, IsDetachedWhereNothingRuns) {
    const Meta meta = record();
    EXPECT_EQ(judge_feed(&meta, kMap, nothing_runs()), FeedState::kDetached);
    EXPECT_EQ(judge_feed(&meta, kMap, gone()), FeedState::kDetached);
}

TEST(Feed, IsUnknownWhereItCannotBeSeen) {
    const Meta meta = record();
    EXPECT_EQ(judge_feed(&meta, kMap, DeviceView{}), FeedState::kUnknown);
    // Of a component the hook names the dispatcher.
    const Meta component = record(XDP_TALLY_ATTACH_DISPATCHER);
    EXPECT_EQ(judge_feed(&component, kMap, running(kStranger)), FeedState::kUnknown);
    EXPECT_EQ(judge_feed(&component, kMap, nothing_runs()), FeedState::kDetached);
}

TEST(Feed, OfAnObservedProgramIsThatProgramsPresence) {
    const Meta meta = record(XDP_TALLY_ATTACH_OBSERVE);
    EXPECT_EQ(judge_feed(&meta, kMap, running(meta.program_id)), FeedState::kAttached);
    EXPECT_EQ(judge_feed(&meta, kMap, running(kStranger)), FeedState::kStale);
    EXPECT_EQ(judge_feed(&meta, kMap, nothing_runs()), FeedState::kDetached);
}

TEST(Feed, OfAComponentIsKnownByWhoMayLookIntoTheDispatcher) {
    const Meta meta = record(XDP_TALLY_ATTACH_DISPATCHER);
    DeviceView view = running(kStranger);
    view.hook_is_known = true;
    EXPECT_EQ(judge_feed(&meta, kMap, view), FeedState::kStale);
    view.hook.dispatcher = Dispatcher{kStranger, XDP_TALLY_MODE_NATIVE, false, {{1, "other", 50, 4, false}}};
    EXPECT_EQ(judge_feed(&meta, kMap, view), FeedState::kStale);
    view.hook.dispatcher->components.push_back({kProgram, "ours", 60, 4, false});
    EXPECT_EQ(judge_feed(&meta, kMap, view), FeedState::kAttached);
    EXPECT_EQ(judge_feed(&meta, kMap + 1, view), FeedState::kStale);
}

TEST(Feed, OfARecordFromAnotherNamespaceIsKnownByTheProgramAlone) {
    const Meta meta = record();
    DeviceView view = running(kProgram);
    view.record_is_elsewhere = true;
    EXPECT_EQ(judge_feed(&meta, kMap, view), FeedState::kAttached);
    for (DeviceView other : {running(kStranger), nothing_runs(), gone()}) {
        other.record_is_elsewhere = true;
        EXPECT_EQ(judge_feed(&meta, kMap, other), FeedState::kUnknown);
    }
}

// The loopback device is there in every network namespace, and nobody attaches XDP to it.
TEST(FeedProbe, AsksTheKernel) {
    auto vantage = look_from_here({});
    ASSERT_TRUE(vantage) << vantage.error().message();
    Meta meta = record();
    meta.netns_inode = vantage->inode;
    meta.ifindex = 1;
    FeedProbe lo("lo", *vantage);
    EXPECT_EQ(lo.look(nullptr, kMap), FeedState::kForeign);
    EXPECT_EQ(lo.look(&meta, kMap), FeedState::kDetached);
    EXPECT_FALSE(lo.device_gone());
    FeedProbe missing("no-such-device", *vantage);
    EXPECT_EQ(missing.look(&meta, kMap), FeedState::kDetached);
    EXPECT_TRUE(missing.device_gone());
    FeedProbe by_record(std::nullopt, *vantage);
    EXPECT_EQ(by_record.look(&meta, kMap), FeedState::kDetached);
    meta.netns_inode = vantage->inode + 1;
    EXPECT_EQ(by_record.look(&meta, kMap), FeedState::kUnknown);
    meta.netns_inode = vantage->inode;
    vantage->links.reset();
    EXPECT_EQ(lo.look(&meta, kMap), FeedState::kUnknown);
}

}  // namespace
}  // namespace tally::stats
