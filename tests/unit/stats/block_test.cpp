#include "stats/block.h"

#include <gmock/gmock.h>

#include "counters_for_tests.h"

namespace tally::stats {
namespace {

TEST(Block, ShowsTheMapAndTheSession) {
    Block block;
    const Counters before = counters({{XDP_DROP, {10, 600}}, {XDP_PASS, {100, 10000}}});
    const Counters now = counters({{XDP_DROP, {14, 840}}, {XDP_PASS, {106, 10600}}});
    const Counters session = counters({{XDP_DROP, {5, 300}}, {XDP_PASS, {50, 5000}}});
    fill_figures(block, before, now, 2.0, session);
    EXPECT_DOUBLE_EQ(block.period, 2.0);
    EXPECT_EQ(block.actions[XDP_DROP].count, (Counter{14, 840}));
    EXPECT_EQ(block.actions[XDP_DROP].session, (Counter{5, 300}));
    EXPECT_DOUBLE_EQ(block.actions[XDP_DROP].rate.pps, 2);
    EXPECT_DOUBLE_EQ(block.actions[XDP_PASS].rate.bps, 2400);
    EXPECT_EQ(block.actions[XDP_TX].count, (Counter{0, 0}));
    EXPECT_EQ(block.total.count, (Counter{120, 11440}));
    EXPECT_EQ(block.total.session, (Counter{55, 5300}));
    EXPECT_DOUBLE_EQ(block.total.rate.pps, 5);
}

TEST(Block, SinceStartShowsTheSessionAsTheTotals) {
    Block block;
    block.since_start = true;
    fill_figures(block, passed(100, 10000), passed(106, 10600), 1.0, passed(6, 600));
    EXPECT_EQ(block.actions[XDP_PASS].count, (Counter{6, 600}));
    EXPECT_EQ(block.total.count, (Counter{6, 600}));
    EXPECT_DOUBLE_EQ(block.total.rate.pps, 6);
}

TEST(Block, HasARowForEveryCpuThatCountedAnything) {
    Block block;
    const std::vector<Counters> before = {passed(1, 60), {}, dropped(3, 180), {}};
    const std::vector<Counters> now = {passed(1, 60), {}, dropped(7, 420), {}};
    fill_cpu_figures(block, before, now, 2.0, {passed(0, 0), {}, dropped(4, 240), {}});
    ASSERT_EQ(block.cpus.size(), 2U);
    EXPECT_EQ(block.cpus[0].cpu, 0U);
    EXPECT_EQ(block.cpus[0].actions[XDP_PASS].count, (Counter{1, 60}));
    EXPECT_DOUBLE_EQ(block.cpus[0].actions[XDP_PASS].rate.pps, 0);
    EXPECT_EQ(block.cpus[1].cpu, 2U);
    EXPECT_EQ(block.cpus[1].actions[XDP_DROP].count, (Counter{7, 420}));
    EXPECT_DOUBLE_EQ(block.cpus[1].actions[XDP_DROP].rate.pps, 2);
    EXPECT_DOUBLE_EQ(block.cpus[1].actions[XDP_DROP].rate.bps, 960);

    block.since_start = true;
    fill_cpu_figures(block, before, now, 2.0, {passed(0, 0), {}, dropped(4, 240), {}});
    ASSERT_EQ(block.cpus.size(), 1U);  // CPU 0 has counted nothing since the start
    EXPECT_EQ(block.cpus[0].cpu, 2U);
    EXPECT_EQ(block.cpus[0].actions[XDP_DROP].count, (Counter{4, 240}));
}

TEST(FeedState, HasTheNamesOfTheContract) {
    EXPECT_EQ(state_name(FeedState::kAttached), "attached");
    EXPECT_EQ(state_name(FeedState::kDetached), "detached");
    EXPECT_EQ(state_name(FeedState::kStale), "stale");
    EXPECT_EQ(state_name(FeedState::kForeign), "foreign");
    EXPECT_EQ(state_name(FeedState::kUnknown), "unknown");
}

}  // namespace
}  // namespace tally::stats
