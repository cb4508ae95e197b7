// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/screen_state.h"

#include <gmock/gmock.h>

#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

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

TEST(ScreenState, TotalsAreThoseThatAreChosen) {
    ScreenState model(Totals::kMap);
    SampleReport report = block_of("veth0");
    report.actions[XDP_PASS] = {{4, 400}, {3, 300}, {}, Counter{104, 10400}};
    report.actions[XDP_DROP] = {{}, {}, {}, Counter{}};
    model.take(3, report, 1);
    const auto passes = [&] { return total_of(*model.find(3), XDP_PASS); };
    EXPECT_EQ(passes(), (Counter{4, 400}));
    EXPECT_EQ(total_of(*model.find(3), kAllActions), (Counter{4, 400}));
    model.choose_totals(Totals::kLifetime);
    EXPECT_EQ(passes(), (Counter{104, 10400}));
    EXPECT_EQ(total_of(*model.find(3), kAllActions), (Counter{104, 10400}));
    model.choose_totals(Totals::kSession);
    EXPECT_EQ(passes(), (Counter{3, 300}));
    model.take(4, report, 2);
    EXPECT_EQ(total_of(*model.find(4), XDP_PASS), (Counter{3, 300}));
}

TEST(ScreenState, WithoutAMetaThereIsNoLifetimeTotal) {
    ScreenState model(Totals::kLifetime);
    model.take(1, foreign_report(), 1);
    EXPECT_EQ(total_of(*model.find(1), XDP_PASS), std::nullopt);
    EXPECT_EQ(total_of(*model.find(1), kAllActions), std::nullopt);
    EXPECT_FALSE(never_counted(*model.find(1), XDP_PASS));
    EXPECT_TRUE(never_counted(*model.find(1), XDP_TX));
}

TEST(ScreenState, WhatAnEarlierMapCountedIsNotIdle) {
    ScreenState model(Totals::kMap);
    SampleReport report = block_of("veth0");
    report.actions = {};
    model.take(1, report, 1);
    EXPECT_EQ(total_of(*model.find(1), XDP_PASS), (Counter{0, 0}));
    EXPECT_FALSE(never_counted(*model.find(1), XDP_PASS)) << "100 before the start";
    EXPECT_TRUE(never_counted(*model.find(1), XDP_TX));
    model.choose_totals(Totals::kSession);
    EXPECT_TRUE(never_counted(*model.find(1), XDP_PASS));
}

TEST(ScreenState, TotalsCountFromTheReset) {
    ScreenState model(Totals::kMap);
    SampleReport report = block_of("veth0");
    model.take(3, report, 1);
    EXPECT_FALSE(model.totals_are_reset());
    model.reset_totals();
    EXPECT_TRUE(model.totals_are_reset());
    EXPECT_EQ(total_of(*model.find(3), kAllActions), (Counter{0, 0}));
    report.actions[XDP_PASS].session = {25, 2000};
    model.take(3, report, 2);
    EXPECT_EQ(total_of(*model.find(3), XDP_PASS), (Counter{15, 1020}));
    // What comes later has its zero at the beginning of its session.
    model.take(4, block_of("veth1"), 2);
    EXPECT_EQ(total_of(*model.find(4), XDP_PASS), (Counter{10, 980}));
    model.choose_totals(Totals::kSession);
    EXPECT_FALSE(model.totals_are_reset());
    EXPECT_EQ(total_of(*model.find(3), XDP_PASS), (Counter{25, 2000}));
}

MATCHER_P3(Is, delivered, lost, losses, "") {
    return arg && arg->delivered == std::uint64_t{delivered} && arg->lost == std::uint64_t{lost} &&
           arg->losses.size() == std::size_t{losses};
}

TEST(ScreenState, FatesAreThoseOfTheChosenTotals) {
    ScreenState model(Totals::kMap);
    SampleReport report = lossy_report();
    report.delivery.lifetime[XDP_REDIRECT] = Fate{300, 1003, {{ENETDOWN, 1003}}};
    model.take(3, report, 1);
    const auto redirects = [&] { return fate_of(*model.find(3), XDP_REDIRECT); };
    EXPECT_THAT(redirects(), Is(200U, 1003U, 2U));
    EXPECT_FALSE(fate_of(*model.find(3), XDP_PASS));
    model.choose_totals(Totals::kLifetime);
    EXPECT_THAT(redirects(), Is(300U, 1003U, 1U));
    model.choose_totals(Totals::kSession);
    EXPECT_THAT(redirects(), Is(0U, 3U, 1U));
}

TEST(ScreenState, FatesCountFromTheReset) {
    ScreenState model(Totals::kLifetime);
    SampleReport report = lossy_report();
    model.take(3, report, 1);
    model.reset_totals();
    const auto redirects = [&] { return fate_of(*model.find(3), XDP_REDIRECT); };
    EXPECT_THAT(redirects(), Is(0U, 0U, 0U)) << "3 were lost before";
    auto& session = report.delivery.session[XDP_REDIRECT];
    session = Fate{5, 14, {{XDP_TALLY_LOST_NO_REASON, 8}, {ENETDOWN, 6}}};
    model.take(3, report, 2);
    EXPECT_THAT(redirects(), Is(5U, 11U, 2U));
    EXPECT_EQ(redirects()->losses.front().reason, std::uint32_t{ENETDOWN}) << "the most first";
    session.reset();
    model.take(3, report, 3);
    EXPECT_FALSE(redirects());
    // Nothing of another tracking was there at the reset.
    session = Fate{0, 2, {{XDP_TALLY_LOST_NO_REASON, 2}}};
    report.delivery.since += 1;
    model.take(3, report, 4);
    EXPECT_THAT(redirects(), Is(0U, 2U, 1U));
}

TEST(ScreenState, SourcesComeAndGo) {
    ScreenState model(Totals::kMap);
    model.take(1, block_of("a"), 1);
    model.take(2, block_of("b"), 1);
    model.forget(1);
    model.forget(7);
    EXPECT_EQ(model.sources().size(), 1U);
    EXPECT_NE(model.find(2), nullptr);
    EXPECT_EQ(model.find(1), nullptr);
    EXPECT_THAT(model.by_name(), testing::ElementsAre(2U));
}

TEST(ScreenState, WhatCannotBeReadHasNoRate) {
    ScreenState model(Totals::kMap);
    SampleReport report = block_of("a", 5, 5);
    report.readable = false;
    model.take(1, report, 1);
    EXPECT_EQ(rate_of(*model.find(1), kAllActions).pps, 0);
    EXPECT_TRUE(model.find(1)->history.empty());
}

TEST(ScreenState, AReplacementIsNoticed) {
    ScreenState model(Totals::kMap);
    SampleReport report = block_of("a");
    model.take(1, report, 1);
    model.take(1, report, 2);
    EXPECT_TRUE(model.find(1)->events.replacements.empty());
    report.map_id = 33;
    report.period = 0;  // no rate across two maps
    model.take(1, report, 3);
    ASSERT_EQ(model.find(1)->events.replacements.size(), 1U);
    EXPECT_EQ(model.find(1)->events.replacements.back().time, 3);
    // The map is kept, another program counts into it.
    report.program->generation = 2;
    model.take(1, report, 4);
    ASSERT_EQ(model.find(1)->events.replacements.size(), 2U);
    EXPECT_EQ(model.find(1)->events.replacements.back().time, 4);
    EXPECT_EQ(model.find(1)->events.replacements.back().generation, 2U);
}

TEST(ScreenState, ReplacementsAreBounded) {
    ScreenState model(Totals::kMap);
    SampleReport report = block_of("a");
    for (std::uint32_t map = 1; map <= 1000; ++map) {
        report.map_id = map;
        model.take(1, report, map);
    }
    EXPECT_EQ(model.find(1)->events.replacements.size(), SourceEvents::kReplacements);
    EXPECT_EQ(model.find(1)->events.replacements.back().time, 1000);
}

TEST(ScreenState, WhatIsHeldStaysAndNothingIsLost) {
    ScreenState model(Totals::kMap);
    std::map<std::size_t, SampleReport> latest;
    const auto take = [&](std::size_t number, const SampleReport& report, double now) {
        latest[number] = report;
        model.take(number, report, now);
    };
    take(1, block_of("a"), 1);
    take(2, block_of("b"), 1);
    model.hold();
    model.keep_history(1);
    SampleReport report = block_of("a");
    report.map_id = 33;
    report.actions[XDP_PASS].count.rx_packets = 1000;
    report.actions[XDP_ABORTED].rate.pps = 1;
    for (int second = 2; second < 1000; ++second) {
        take(1, report, second);
    }
    take(3, block_of("aa"), 3);
    model.forget(2);
    const ScreenSource& held = *model.find(1);
    EXPECT_THAT(model.by_name(), testing::ElementsAre(1U, 2U));
    EXPECT_EQ(model.sources().size(), 2U);
    EXPECT_EQ(held.report.actions[XDP_PASS].count.rx_packets, 10U);
    EXPECT_TRUE(held.events.replacements.empty());
    EXPECT_FALSE(held.events.last_aborted);
    EXPECT_TRUE(held.history.read(0, 1).known) << "a copy is kept of it";
    EXPECT_FALSE(held.history.read(1, 1000).known);

    model.release([&](std::size_t number) { return &latest.at(number); });
    EXPECT_THAT(model.by_name(), testing::ElementsAre(1U, 3U));
    EXPECT_EQ(model.sources().size(), 2U);
    EXPECT_EQ(held.report.actions[XDP_PASS].count.rx_packets, 1000U);
    EXPECT_EQ(held.events.replacements.size(), 1U);
    EXPECT_EQ(held.events.last_aborted, 999);
    EXPECT_TRUE(held.history.read(998, 999).known);
    EXPECT_TRUE(model.find(3)->history.read(2, 3).known);
}

TEST(ScreenState, OnlyAFewHistoriesAreCopied) {
    ScreenState model(Totals::kMap);
    for (std::size_t number = 0; number < 100; ++number) {
        model.take(number, block_of(fmt::format("a{}", number)), 1);
    }
    model.hold();
    std::size_t kept = 0;
    for (std::size_t number = 0; number < 100; ++number) {
        model.keep_history(number);
        // Without a copy, the ring that it is read from has gone on.
        model.take(number, block_of(fmt::format("a{}", number)), 10000);
        kept += model.find(number)->history.read(0, 1).known ? 1 : 0;
    }
    EXPECT_EQ(kept, 32U);
}

TEST(ScreenState, ARenamedSourceFindsItsPlace) {
    ScreenState model(Totals::kMap);
    model.take(1, block_of("a"), 1);
    model.take(2, block_of("b2"), 1);
    model.take(3, block_of("b10"), 1);
    EXPECT_THAT(model.by_name(), testing::ElementsAre(1U, 2U, 3U));
    model.take(1, block_of("c"), 2);
    EXPECT_THAT(model.by_name(), testing::ElementsAre(2U, 3U, 1U));
}

TEST(ScreenState, ANamespaceIsNotPartOfTheShortName) {
    ScreenState model(Totals::kMap);
    SampleReport report = block_of("red/eth0");
    report.device = "eth0";
    report.netns = "red";
    model.take(1, report, 1);
    EXPECT_EQ(name_without_netns(*model.find(1)), "eth0");
    report.runs_on = "blue/eth7";
    model.take(1, report, 2);
    EXPECT_EQ(name_without_netns(*model.find(1)), "eth0, runs on blue/eth7");
    report = block_of("/sys/fs/bpf/a/b");
    report.device.reset();
    model.take(2, report, 1);
    EXPECT_EQ(name_without_netns(*model.find(2)), "/sys/fs/bpf/a/b");
}

TEST(ScreenState, TotalsGoRound) {
    EXPECT_EQ(next(Totals::kMap), Totals::kLifetime);
    EXPECT_EQ(next(next(next(Totals::kMap))), Totals::kMap);
}

}  // namespace
}  // namespace tally::stats
