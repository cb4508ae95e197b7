// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/delivery_totals.h"

#include <gmock/gmock.h>

#include "common/pins/delivery_for_tests.h"
#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

constexpr std::uint64_t kTracking = 77;
constexpr std::uint32_t kDevice = 5;
constexpr std::uint32_t kCpumap = 90;
constexpr std::uint32_t kAllTracepoints = 0x3f;
constexpr std::int64_t kOneSecond = 1'000'000'000;

DeliveryMeta meta_of(std::uint64_t instance) {
    DeliveryMeta meta = {};
    meta.instance = instance;
    meta.tracepoints = kAllTracepoints;
    return meta;
}

DeliveryCounts counts_of(Redirected redirected) {
    return redirects({{kDevice, redirected}});
}

DeliveryReading reading_of(Redirected redirected, std::uint64_t instance = kTracking) {
    return {meta_of(instance), counts_of(redirected), {}};
}

Meta source_of(Redirected first, Redirected map) {
    Meta meta = {};
    meta.netns_inode = kDeliveryNetns;
    meta.ifindex = kDevice;
    meta.lineage = 1;
    meta.map_count = 1;
    meta.map_ids[0] = kCpumap;
    meta.delivery_first = base_with(kTracking, first);
    meta.delivery_map = base_with(kTracking, map);
    return meta;
}

SampleReport report_with(std::uint64_t redirected) {
    SampleReport report = example_report();
    CounterValues& values = report.actions[XDP_REDIRECT];
    values.count.rx_packets = redirected;
    values.session.rx_packets = redirected;
    values.lifetime = values.count;
    return report;
}

// Of redirects in the total that is shown.
std::optional<Fate> shown(SampleReport& report, const DeliveryReading& reading, const Meta& source) {
    DeliveryTotals totals;
    totals.take(reading, source, true);
    fill_delivery(report, reading, source, totals, 1);
    return report.delivery.count[XDP_REDIRECT];
}

MATCHER_P2(Is, delivered, lost, "") {
    return arg && arg->delivered == static_cast<std::uint64_t>(delivered) &&
           arg->lost == static_cast<std::uint64_t>(lost);
}

TEST(DeliveryTotals, CountsFromTheMapAndFromTheFirstLoad) {
    DeliveryTotals totals;
    totals.take(reading_of({10, 7}), source_of({1, 2}, {4, 6}), false);
    EXPECT_EQ(totals.map().sums, sums({6, 1}));
    EXPECT_EQ(totals.lifetime().sums, sums({9, 5}));
    EXPECT_TRUE(totals.map().complete);
    EXPECT_TRUE(totals.session().sums.empty());
}

TEST(DeliveryTotals, SessionGoesOnAcrossReplacements) {
    DeliveryTotals totals;
    totals.take(reading_of({10, 0}), source_of({0, 0}, {0, 0}), false);
    totals.take(reading_of({12, 0}), source_of({0, 0}, {0, 0}), false);
    Meta later = source_of({0, 0}, {12, 0});
    later.map_ids[later.map_count++] = 91;
    totals.take(reading_of({12, 3}), later, true);
    totals.take(reading_of({12, 4}), later, true);
    EXPECT_EQ(totals.session().sums, sums({2, 4}));
    EXPECT_EQ(totals.map().sums, sums({0, 4}));
    EXPECT_EQ(totals.metrics(), sums({12, 4}));
}

TEST(DeliveryTotals, ALineageThatBeganInTheSessionIsWhole) {
    DeliveryTotals totals;
    totals.take(reading_of({10, 0}), source_of({0, 0}, {0, 0}), false);
    Meta next = source_of({10, 0}, {10, 0});
    next.lineage = 2;
    totals.take(reading_of({15, 0}), next, true);
    EXPECT_EQ(totals.session().sums, sums({5, 0}));
}

TEST(DeliveryTotals, OfALaterTrackingAreNotComplete) {
    DeliveryTotals totals;
    totals.miss();
    totals.take(reading_of({3, 1}, kTracking + 1), source_of({1, 0}, {1, 0}), true);
    EXPECT_FALSE(totals.map().complete);
    EXPECT_FALSE(totals.session().complete);
    EXPECT_EQ(totals.map().sums, sums({3, 1}));
}

TEST(FillDelivery, DeliveredAndLostAreWhatWasCounted) {
    SampleReport report = report_with(17);
    EXPECT_THAT(shown(report, reading_of({10, 7}), source_of({0, 0}, {0, 0})), Is(10, 7));
    EXPECT_TRUE(report.delivery.complete);
    EXPECT_TRUE(report.delivery.unknown[XDP_REDIRECT].empty());
    EXPECT_THAT(report.delivery.count[XDP_TX], Is(0, 0));
    EXPECT_FALSE(report.delivery.count[XDP_PASS]);
}

TEST(FillDelivery, IsNotKnownInGenericMode) {
    SampleReport report = report_with(17);
    report.program->mode = "generic";
    EXPECT_FALSE(shown(report, reading_of({10, 7}), source_of({0, 0}, {0, 0})));
    EXPECT_EQ(report.delivery.unknown[XDP_REDIRECT], "in generic mode the kernel does not tell");
    // Of none either, though that is no news for who looks at a table.
    EXPECT_EQ(report.delivery.unknown[XDP_TX], "in generic mode the kernel does not tell");
    EXPECT_EQ(why_unknown(report, XDP_REDIRECT), report.delivery.unknown[XDP_REDIRECT]);
    EXPECT_EQ(why_unknown(report, XDP_TX), "");
    EXPECT_THAT(report.delivery.count[XDP_ABORTED], Is(0, 0));  // that is told there, too
}

TEST(FillDelivery, IsNotKnownOfWhatANetworkCardRuns) {
    SampleReport report = report_with(17);
    report.program->mode = "offloaded";
    EXPECT_FALSE(shown(report, reading_of({10, 7}), source_of({0, 0}, {0, 0})));
    EXPECT_EQ(report.delivery.unknown[XDP_REDIRECT], "in offloaded mode the kernel does not tell");
    EXPECT_FALSE(report.delivery.count[XDP_ABORTED]);
}

TEST(FillDelivery, IsNotKnownOfADeviceThatHasMoved) {
    SampleReport report = report_with(17);
    report.left_netns = true;
    EXPECT_FALSE(shown(report, reading_of({10, 7}), source_of({0, 0}, {0, 0})));
}

TEST(FillDelivery, IsNotKnownWithoutTheTracepoint) {
    DeliveryMeta meta = meta_of(kTracking);
    meta.missing = XDP_TALLY_ON_DEVMAP_XMIT;
    SampleReport report = report_with(17);
    EXPECT_FALSE(shown(report, {meta, counts_of({10, 7}), {}}, source_of({0, 0}, {0, 0})));
    EXPECT_TRUE(report.delivery.count[XDP_TX]);
}

TEST(FillDelivery, IsNotKnownOfPacketsWithSeveralTargets) {
    SampleReport report = report_with(5);
    EXPECT_FALSE(shown(report, reading_of({10, 0}), source_of({0, 0}, {0, 0})));
    EXPECT_THAT(report.delivery.unknown[XDP_REDIRECT], testing::HasSubstr("several targets"));
}

TEST(FillDelivery, IsNotKnownWhereNothingIsSeen) {
    SampleReport report = report_with(5);
    EXPECT_FALSE(shown(report, reading_of({0, 0}), source_of({0, 0}, {0, 0})));
    EXPECT_FALSE(report.delivery.metrics[XDP_REDIRECT]);
}

TEST(FillDelivery, IsNotKnownOfASharedCpumap) {
    const DeliveryCounts counts = with_cpumap({}, kCpumap, 5);
    SampleReport report = report_with(5);
    EXPECT_THAT(shown(report, {meta_of(kTracking), counts, {}}, source_of({0, 0}, {0, 0})), Is(5, 0));
    EXPECT_FALSE(shown(report, {meta_of(kTracking), counts, {kCpumap}}, source_of({0, 0}, {0, 0})));
    EXPECT_EQ(report.delivery.unknown[XDP_REDIRECT], "cpumap 90 is shared with another device");
}

TEST(FillDelivery, WithoutRoomIsKnownOnlyWhereAllWasSeen) {
    DeliveryCounts counts = counts_of({10, 7});
    counts.overflow[XDP_TALLY_OVERFLOW_LOST] = 1;
    SampleReport report = report_with(18);
    EXPECT_FALSE(shown(report, {meta_of(kTracking), counts, {}}, source_of({0, 0}, {0, 0})));
    report = report_with(17);
    EXPECT_THAT(shown(report, {meta_of(kTracking), counts, {}}, source_of({0, 0}, {0, 0})), Is(10, 7));
}

// The base was read while the program before still ran.
TEST(FillDelivery, PacketsOfTheMomentOfAReplacementAreLeftOut) {
    SampleReport report = report_with(6);
    report.actions[XDP_REDIRECT].lifetime = Counter{100, 6000};
    EXPECT_THAT(shown(report, reading_of({98, 2}), source_of({0, 0}, {91, 1})), Is(5, 1));
}

TEST(FillDelivery, SaysWhereTheTrackingIsYounger) {
    SampleReport report = report_with(50);
    Meta source = source_of({0, 0}, {0, 0});
    source.delivery_first.instance = source.delivery_map.instance = 0;
    EXPECT_THAT(shown(report, reading_of({10, 7}), source), Is(10, 7));
    EXPECT_FALSE(report.delivery.complete);
    EXPECT_FALSE(report.delivery.session_complete);
    EXPECT_FALSE(report.delivery.lifetime[XDP_REDIRECT]);
}

TEST(FillDelivery, LossesASecondAreThoseBetweenTwoSamples) {
    SampleReport report = report_with(20);
    const auto source = source_of({0, 0}, {0, 0});
    DeliveryTotals totals;
    totals.take(reading_of({10, 0}), source, false);
    fill_delivery(report, reading_of({10, 0}), source, totals, 5 * kOneSecond);
    totals.take(reading_of({10, 8}), source, true);
    report.period = 0.01;  // a load has replaced the map since
    fill_delivery(report, reading_of({10, 8}), source, totals, 7 * kOneSecond);
    EXPECT_DOUBLE_EQ(report.delivery.lost_pps.value(), 4);
}

TEST(FillDelivery, LossesThatAreNotKnownAreNotNone) {
    const auto source = source_of({0, 0}, {0, 0});
    for (const bool generic : {false, true}) {
        SampleReport report = report_with(20);
        report.program->mode = generic ? "generic" : "native";
        DeliveryTotals totals;
        totals.take(reading_of({20, 0}), source, false);
        fill_delivery(report, reading_of({20, 0}), source, totals, kOneSecond);
        EXPECT_FALSE(report.delivery.lost_pps) << "it is the first sample";
        fill_delivery(report, reading_of({20, 0}), source, totals, 2 * kOneSecond);
        EXPECT_EQ(report.delivery.lost_pps, generic ? std::nullopt : std::optional(0.0));
    }
}

}  // namespace
}  // namespace tally::stats
