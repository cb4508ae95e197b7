// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/screen_state.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

using testing::ElementsAre;

SampleReport block_of(const std::string& title, double drops = 0, double passes = 0) {
    SampleReport report = example_report();
    report.title = title;
    report.device = title;
    report.before_start = counters({{XDP_PASS, {100, 10000}}});
    report.actions[XDP_DROP].rate.pps = drops;
    report.actions[XDP_PASS].rate.pps = passes;
    report.total.rate = {drops + passes, 8 * (drops + passes)};
    return report;
}

std::vector<std::string> titles(const ScreenState& model, Sort sort) {
    std::vector<std::string> all;
    for (const ScreenSource* source : sorted(model, sort)) {
        all.push_back(source->report.title);
    }
    return all;
}

TEST(ScreenState, TotalsAreWhatIsKnownAcrossAllMaps) {
    ScreenState model(false);
    model.take(3, block_of("veth0"), 1);
    // The example's session: 10 packets, 980 bytes passed.
    EXPECT_EQ(total_of(*model.find(3), XDP_PASS), (Counter{110, 10980}));
    EXPECT_EQ(total_of(*model.find(3), kAllActions), (Counter{110, 10980}));
    EXPECT_TRUE(is_idle(*model.find(3), XDP_TX));
    EXPECT_FALSE(is_idle(*model.find(3), XDP_PASS));
}

TEST(ScreenState, TotalsCountFromTheZero) {
    ScreenState model(false);
    SampleReport report = block_of("veth0");
    model.take(3, report, 1);
    EXPECT_EQ(model.zero(), ScreenState::Zero::kNone);
    model.reset_zero();
    EXPECT_EQ(model.zero(), ScreenState::Zero::kReset);
    EXPECT_EQ(total_of(*model.find(3), kAllActions), (Counter{0, 0}));
    report.actions[XDP_PASS].session = {25, 2000};
    model.take(3, report, 2);
    EXPECT_EQ(total_of(*model.find(3), XDP_PASS), (Counter{15, 1020}));
    // What comes later has its zero at the beginning of its session.
    model.take(4, block_of("veth1"), 2);
    EXPECT_EQ(total_of(*model.find(4), XDP_PASS), (Counter{10, 980}));
}

TEST(ScreenState, SinceStartLeavesOutWhatWasThere) {
    ScreenState model(true);
    model.take(1, block_of("veth0"), 1);
    EXPECT_EQ(model.zero(), ScreenState::Zero::kStart);
    EXPECT_EQ(total_of(*model.find(1), kAllActions), (Counter{10, 980}));
}

TEST(ScreenState, NumbersInNamesAreNumbers) {
    ScreenState model(false);
    for (const char* title : {"eth10", "eth2", "a", "eth2.100", "eth2.20", "eth02", "eth"}) {
        model.take(model.sources().size(), block_of(title), 1);
    }
    EXPECT_THAT(titles(model, Sort::kName),
                ElementsAre("a", "eth", "eth2", "eth02", "eth2.20", "eth2.100", "eth10"));
}

TEST(ScreenState, TheBusiestComesFirst) {
    ScreenState model(false);
    model.take(1, block_of("a", 5, 0), 1);
    model.take(2, block_of("b", 1, 90), 1);
    model.take(3, block_of("c", 0, 7), 1);
    model.take(4, block_of("d", 0, 7), 1);
    EXPECT_THAT(titles(model, Sort::kPackets), ElementsAre("b", "c", "d", "a"));
    EXPECT_THAT(titles(model, Sort::kDrops), ElementsAre("a", "b", "c", "d"));
    EXPECT_EQ(model.total_rate().pps, 5 + 91 + 7 + 7);
    EXPECT_EQ(model.total_rate().bps, 8 * (5 + 91 + 7 + 7));
}

TEST(ScreenState, WhatCannotBeReadHasNoRate) {
    ScreenState model(false);
    SampleReport report = block_of("a", 5, 5);
    report.readable = false;
    model.take(1, report, 1);
    EXPECT_EQ(model.total_rate().pps, 0);
    EXPECT_EQ(model.find(1)->history.size(), 0U);
}

TEST(ScreenState, SourcesComeAndGo) {
    ScreenState model(false);
    model.take(1, block_of("a"), 1);
    model.take(2, block_of("b"), 1);
    model.forget(1);
    model.forget(7);
    EXPECT_THAT(titles(model, Sort::kName), ElementsAre("b"));
    EXPECT_EQ(model.find(1), nullptr);
}

TEST(ScreenState, AReplacementIsNoticed) {
    ScreenState model(false);
    SampleReport report = block_of("a");
    model.take(1, report, 1);
    model.take(1, report, 2);
    EXPECT_FALSE(model.find(1)->replaced);
    report.map_id = 33;
    report.period = 0;  // no rate across two maps
    model.take(1, report, 3);
    EXPECT_EQ(model.find(1)->replaced, 3);
    EXPECT_EQ(model.find(1)->history.size(), 2U);
    // The map is kept, another program counts into it.
    report.program->generation = 2;
    model.take(1, report, 4);
    EXPECT_EQ(model.find(1)->replaced, 4);
}

TEST(ScreenState, MemoryIsBounded) {
    ScreenState model(false);
    for (int second = 1; second <= 1000; ++second) {
        model.take(1, block_of("a"), second);
    }
    EXPECT_EQ(model.find(1)->history.size(), History::kSamples);
    EXPECT_LT(sizeof(ScreenSource), 16U * 1024) << "a thousand of them should fit into 16 MB";
}

TEST(ScreenState, IntervalsGoInSteps) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    EXPECT_EQ(longer_interval(kSecond), 2 * kSecond);
    EXPECT_EQ(longer_interval(1'300'000'000), 2 * kSecond);
    EXPECT_EQ(longer_interval(60 * kSecond), 60 * kSecond);
    EXPECT_EQ(longer_interval(3600 * kSecond), 3600 * kSecond) << "chosen on the command line";
    EXPECT_EQ(shorter_interval(kSecond), kSecond / 2);
    EXPECT_EQ(shorter_interval(3600 * kSecond), 60 * kSecond);
    EXPECT_EQ(shorter_interval(kSecond / 10), kSecond / 10);
    EXPECT_EQ(shorter_interval(1'000'000), 1'000'000);
}

TEST(ScreenState, ChoicesGoRound) {
    EXPECT_EQ(next(Sort::kName), Sort::kPackets);
    EXPECT_EQ(next(next(next(Sort::kName))), Sort::kName);
    EXPECT_EQ(next(Units::kPacketsAndBits), Units::kBytes);
    EXPECT_EQ(next(next(next(Units::kRaw))), Units::kRaw);
}

}  // namespace
}  // namespace tally::stats
