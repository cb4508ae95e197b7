// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/sample_report.h"

#include <gmock/gmock.h>

#include <utility>

#include "stats/counters_for_tests.h"

namespace tally::stats {
namespace {

TEST(SampleReport, ShowsTheMapTheLifetimeAndTheSession) {
    SampleReport report;
    const Counters before = counters({{XDP_DROP, {10, 600}}, {XDP_PASS, {100, 10000}}});
    const Counters now = counters({{XDP_DROP, {14, 840}}, {XDP_PASS, {106, 10600}}});
    const Counters session = counters({{XDP_DROP, {5, 300}}, {XDP_PASS, {50, 5000}}});
    const Counters lifetime = counters({{XDP_DROP, {1014, 60840}}, {XDP_PASS, {106, 10600}}});
    fill_values(report, before, now, 2.0, session, lifetime);
    EXPECT_DOUBLE_EQ(report.period, 2.0);
    EXPECT_EQ(report.actions[XDP_DROP].count, (Counter{14, 840}));
    EXPECT_EQ(report.actions[XDP_DROP].session, (Counter{5, 300}));
    EXPECT_EQ(report.actions[XDP_DROP].lifetime, (Counter{1014, 60840}));
    EXPECT_DOUBLE_EQ(report.actions[XDP_DROP].rate.pps, 2);
    EXPECT_DOUBLE_EQ(report.actions[XDP_PASS].rate.bps, 2400);
    EXPECT_EQ(report.actions[XDP_TX].count, (Counter{0, 0}));
    EXPECT_EQ(report.total.count, (Counter{120, 11440}));
    EXPECT_EQ(report.total.session, (Counter{55, 5300}));
    EXPECT_EQ(report.total.lifetime, (Counter{1120, 71440}));
    EXPECT_DOUBLE_EQ(report.total.rate.pps, 5);
}

TEST(SampleReport, CountIsTheTotalThatIsAskedFor) {
    SampleReport report;
    const std::pair<Totals, Counter> expected[] = {
        {Totals::kMap, {106, 10600}}, {Totals::kLifetime, {206, 20600}}, {Totals::kSession, {6, 600}}};
    for (const auto& [totals, count] : expected) {
        report.totals = totals;
        fill_values(report, passed(100, 10000), passed(106, 10600), 1.0, passed(6, 600), passed(206, 20600));
        EXPECT_TRUE(report.count_known);
        EXPECT_EQ(report.actions[XDP_PASS].count, count) << totals_name(totals);
        EXPECT_EQ(report.total.count, count) << totals_name(totals);
        EXPECT_DOUBLE_EQ(report.total.rate.pps, 6);
    }
}

TEST(SampleReport, LifetimeTotalsAreNotKnownWithoutAMeta) {
    SampleReport report;
    fill_values(report, {}, passed(106, 10600), 1.0, {}, std::nullopt);
    EXPECT_TRUE(report.count_known);
    EXPECT_EQ(report.total.lifetime, std::nullopt);
    report.totals = Totals::kLifetime;
    fill_values(report, {}, passed(106, 10600), 1.0, {}, std::nullopt);
    EXPECT_FALSE(report.count_known);
    EXPECT_EQ(report.total.count, (Counter{0, 0}));
    fill_values(report, {}, passed(106, 10600), 1.0, {}, passed(106, 10600));
    EXPECT_TRUE(report.count_known);
}

TEST(SampleReport, ALaterMapIsNotAllThereIs) {
    SampleReport report;
    const auto fill = [&](const std::optional<Counters>& lifetime) {
        fill_values(report, {}, passed(5, 300), 1.0, {}, lifetime);
        return differs_from_lifetime(report);
    };
    EXPECT_FALSE(fill(std::nullopt));
    report.program = AttachedProgram{1, 57, "xdp_pass", "native", "link"};
    EXPECT_FALSE(fill(passed(5, 300)));
    EXPECT_TRUE(fill(passed(2, 120))) << "adopted";
    EXPECT_TRUE(fill(passed(5, 301))) << "a load that failed";
    report.program->generation = 2;
    EXPECT_TRUE(fill(passed(5, 300)));
    EXPECT_FALSE(fill(std::nullopt));
    for (const Totals totals : {Totals::kLifetime, Totals::kSession}) {
        report.totals = totals;
        EXPECT_FALSE(fill(passed(9, 540)));
    }
}

TEST(SampleReport, TheInitialNamespaceIsListedFirstAndMapsOfNoDeviceLast) {
    const auto listed = [](std::optional<std::string> netns, std::optional<std::string> device) {
        SampleReport report;
        report.title = device ? "any" : "/sys/fs/bpf/other2/xdp_stats_map";
        report.netns = std::move(netns);
        report.device = std::move(device);
        return report;
    };
    std::vector<SampleReport> in_order = {listed({}, "eth2"),     listed({}, "eth10"),
                                          listed("blue", "eth0"), listed("ns2", "eth9"),
                                          listed("ns10", "eth1"), listed({}, {})};
    in_order.push_back(in_order.back());
    in_order.back().title = "/sys/fs/bpf/other10/xdp_stats_map";
    for (std::size_t one = 0; one < in_order.size(); ++one) {
        for (std::size_t other = 0; other < in_order.size(); ++other) {
            EXPECT_EQ(is_listed_before(in_order[one], in_order[other]), one < other) << one << ' ' << other;
        }
    }
}

TEST(SampleReport, HasARowForEveryCpuThatCountedAnything) {
    SampleReport report;
    const std::vector<Counters> before = {passed(1, 60), {}, dropped(3, 180), {}};
    const std::vector<Counters> now = {passed(1, 60), {}, dropped(7, 420), {}};
    fill_cpu_values(report, before, now, 2.0, {passed(0, 0), {}, dropped(4, 240), {}});
    ASSERT_EQ(report.cpus.size(), 2U);
    EXPECT_EQ(report.cpus[0].cpu, 0U);
    EXPECT_EQ(report.cpus[0].actions[XDP_PASS].count, (Counter{1, 60}));
    EXPECT_DOUBLE_EQ(report.cpus[0].actions[XDP_PASS].rate.pps, 0);
    EXPECT_EQ(report.cpus[1].cpu, 2U);
    EXPECT_EQ(report.cpus[1].actions[XDP_DROP].count, (Counter{7, 420}));
    EXPECT_DOUBLE_EQ(report.cpus[1].actions[XDP_DROP].rate.pps, 2);
    EXPECT_DOUBLE_EQ(report.cpus[1].actions[XDP_DROP].rate.bps, 960);

    report.totals = Totals::kSession;
    fill_cpu_values(report, before, now, 2.0, {passed(0, 0), {}, dropped(4, 240), {}});
    ASSERT_EQ(report.cpus.size(), 1U);  // CPU 0 has counted nothing since the start
    EXPECT_EQ(report.cpus[0].cpu, 2U);
    EXPECT_EQ(report.cpus[0].actions[XDP_DROP].count, (Counter{4, 240}));
}

TEST(TitleWithPlace, NamesWhereTheProgramRunsNow) {
    SampleReport report;
    report.title = "veth0";
    EXPECT_EQ(title_with_place(report), "veth0");
    report.runs_on = "red/\x1b";
    EXPECT_EQ(title_with_place(report), R"(veth0, runs on red/\x1b)");
}

}  // namespace
}  // namespace tally::stats
