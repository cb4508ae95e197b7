// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/state_monitor.h"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tally::stats {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::uint32_t kMap = 32;
constexpr std::int64_t kNow = 1'000'000'000;

// The loopback device is there in every network namespace, and nobody attaches XDP to it.
class StateMonitorTest : public testing::Test {
  protected:
    void SetUp() override {
        auto context = enter_netns_context(std::nullopt, "/sys/fs/bpf");
        ASSERT_TRUE(context) << context.error().message();
        context_ = std::move(*context);
        meta_.counter_map_id = kMap;
        meta_.program_id = 57;
        meta_.attach_kind = XDP_TALLY_ATTACH_NETLINK;
        meta_.netns_inode = context_.inode;
        meta_.ifindex = 1;
        redirect_notices([this](const std::string& notice) { notices_.push_back(notice); });
    }
    void TearDown() override { redirect_notices({}); }

    StateMonitor monitor(std::optional<std::string> device) {
        return {std::move(device), "/no/such/directory", context_, departures_, Notices()};
    }

    NetnsContext context_;
    DepartureLog departures_;
    Meta meta_ = {};
    std::vector<std::string> notices_;
};

TEST_F(StateMonitorTest, AsksTheKernel) {
    StateMonitor lo = monitor("lo");
    EXPECT_EQ(lo.look(nullptr, kMap, kNow), AttachState::kForeign);
    EXPECT_EQ(lo.look(&meta_, kMap, kNow), AttachState::kDetached);
    lo.report("lo", kMap, false);
    EXPECT_THAT(notices_, ElementsAre("lo: no XDP program counts into map 32"));
    StateMonitor by_meta = monitor(std::nullopt);
    EXPECT_EQ(by_meta.look(&meta_, kMap, kNow), AttachState::kDetached);
    meta_.program_id = 0;  // of which nobody can tell that it is gone
    meta_.netns_inode = context_.inode + 1;
    EXPECT_EQ(by_meta.look(&meta_, kMap, kNow), AttachState::kUnknown);
    meta_.netns_inode = context_.inode;
    context_.links.reset();
    EXPECT_EQ(lo.look(&meta_, kMap, kNow), AttachState::kUnknown);
}

// Nobody has said that it was deleted, and no search can find a program without an id.
TEST_F(StateMonitorTest, DoesNotTakeWhatIsMissingForDeleted) {
    meta_.ifindex = 0x7ffffff0;
    meta_.program_id = 0;
    StateMonitor missing = monitor("no-such-device");
    EXPECT_EQ(missing.look(&meta_, kMap, kNow), AttachState::kUnknown);
    missing.report("gone", kMap, false);
    EXPECT_THAT(notices_, ElementsAre(StartsWith("gone: the device is not here any more: it was deleted, or "
                                                 "moved to another network namespace")));
}

TEST_F(StateMonitorTest, SaysNothingWhereThereIsNothingMoreToSay) {
    meta_.ifindex = 0x7ffffff0;
    meta_.program_id = 0;
    StateMonitor missing = monitor("no-such-device");
    missing.look(&meta_, kMap, kNow);
    missing.report("gone", kMap, false);
    EXPECT_THAT(notices_, SizeIs(1));
    context_.links.reset();  // as unknown as before, and nothing tells why
    EXPECT_EQ(missing.look(&meta_, kMap, kNow), AttachState::kUnknown);
    missing.report("gone", kMap, false);
    EXPECT_THAT(notices_, SizeIs(1));
}

TEST_F(StateMonitorTest, DoesNotSayThatAnObservedDeviceIsGone) {
    meta_.ifindex = 0x7ffffff0;
    meta_.attach_kind = XDP_TALLY_ATTACH_OBSERVE;
    StateMonitor missing = monitor("no-such-device");
    EXPECT_EQ(missing.look(&meta_, kMap, kNow), AttachState::kDetached);
    missing.report("observed", kMap, false);
    EXPECT_THAT(notices_, ElementsAre("observed: no XDP program counts into map 32"));
}

TEST_F(StateMonitorTest, IsNotDeceivedByANamesake) {
    meta_.ifindex = 0x7ffffff0;
    meta_.program_id = 0;
    StateMonitor namesake = monitor("lo");
    EXPECT_EQ(namesake.look(&meta_, kMap, kNow), AttachState::kUnknown);
}

TEST_F(StateMonitorTest, LooksAgainWhenTheLatestLookIsOld) {
    StateMonitor lo = monitor("lo");
    EXPECT_TRUE(lo.must_look(kNow));
    lo.look(&meta_, kMap, kNow);
    EXPECT_FALSE(lo.must_look(kNow + 1));
    EXPECT_TRUE(lo.must_look(kNow + 1'000'000'000));
    lo.expire();
    EXPECT_TRUE(lo.must_look(kNow + 1));
}

TEST_F(StateMonitorTest, KeepsTheStateWhileALoaderIsAtWork) {
    StateMonitor lo = monitor("lo");
    lo.look(nullptr, kMap, kNow);
    EXPECT_EQ(lo.report("lo", kMap, true), AttachState::kForeign);  // there is none to keep yet
    EXPECT_FALSE(lo.is_news());
    lo.look(&meta_, kMap, kNow + 1);
    EXPECT_TRUE(lo.is_news());
    EXPECT_EQ(lo.report("lo", kMap, true), AttachState::kForeign);
    EXPECT_TRUE(lo.must_look(kNow + 2));
    lo.look(&meta_, kMap, kNow + Transition::kLongest);
    EXPECT_EQ(lo.report("lo", kMap, true), AttachState::kForeign);
    EXPECT_THAT(notices_, IsEmpty());
    lo.look(&meta_, kMap, kNow + 1 + Transition::kLongest);
    EXPECT_EQ(lo.report("lo", kMap, true), AttachState::kDetached);
    EXPECT_THAT(notices_, SizeIs(1));
}

}  // namespace
}  // namespace tally::stats
