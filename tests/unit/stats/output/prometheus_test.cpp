// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/output/prometheus.h"

#include <gmock/gmock.h>

#include <map>
#include <string>

#include "stats/output/format.h"
#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;
using testing::Pair;
using testing::UnorderedElementsAre;
using Values = std::map<std::string, double>;

// "device,netns,action" -> value
std::map<std::string, Values> values_of(const std::vector<prometheus::MetricFamily>& families) {
    std::map<std::string, Values> values;
    for (const auto& family : families) {
        for (const auto& metric : family.metric) {
            std::string labels;
            for (const auto& label : metric.label) {
                labels += (labels.empty() ? "" : ",") + label.value;
            }
            const bool counter = family.type == prometheus::MetricType::Counter;
            values[family.name][labels] = counter ? metric.counter.value : metric.gauge.value;
        }
    }
    return values;
}

std::map<std::string, Values> metrics_of(const SampleReport& report) {
    Metrics metrics;
    metrics.add(report);
    return values_of(metrics.take());
}

TEST(Metrics, CountWhatWasThereBeforeAndWhatWasCountedSince) {
    SampleReport report = example_report();
    report.before_start[XDP_PASS] = {90, 9000};
    report.actions[XDP_PASS].count = {3, 300};  // of this generation alone: another metric's matter
    const auto metrics = metrics_of(report);
    EXPECT_THAT(
        metrics.at("xdp_action_packets_total"),
        UnorderedElementsAre(Pair("veth0,,aborted", 0), Pair("veth0,,drop", 0), Pair("veth0,,pass", 100),
                             Pair("veth0,,tx", 0), Pair("veth0,,redirect", 0)));
    EXPECT_EQ(metrics.at("xdp_action_bytes_total").at("veth0,,pass"), 9980);
}

TEST(Metrics, NameTheProgramAndItsGeneration) {
    const auto metrics = metrics_of(example_report());
    EXPECT_THAT(metrics.at("xdp_program_info"), ElementsAre(Pair("veth0,,xdp_pass,57,native,link", 1)));
    EXPECT_THAT(metrics.at("xdp_map_generation"), ElementsAre(Pair("veth0,", 1)));
}

TEST(Metrics, NameThePlaceNow) {
    SampleReport report = example_report();
    EXPECT_THAT(metrics_of(report), testing::Not(testing::Contains(Key("xdp_runs_on_info"))));
    report.runs_on = "red/eth0";
    EXPECT_THAT(metrics_of(report).at("xdp_runs_on_info"), ElementsAre(Pair("veth0,,red/eth0", 1)));
    report.readable = false;
    EXPECT_THAT(metrics_of(report), testing::Not(testing::Contains(Key("xdp_runs_on_info"))));
}

TEST(Metrics, TellNamespacesApart) {
    SampleReport red = example_report();
    red.netns = "red";
    Metrics metrics;
    metrics.add(example_report());
    metrics.add(red);
    EXPECT_THAT(values_of(metrics.take()).at("xdp_up"), ElementsAre(Pair("veth0,", 1), Pair("veth0,red", 1)));
}

TEST(Metrics, AreUpWhereSomethingMayFeedTheCounters) {
    const std::map<AttachState, double> expected = {{AttachState::kAttached, 1},
                                                    {AttachState::kForeign, 1},
                                                    {AttachState::kUnknown, 1},
                                                    {AttachState::kDetached, 0},
                                                    {AttachState::kStale, 0}};
    for (const auto& [state, up] : expected) {
        SampleReport report = example_report();
        report.state = state;
        const auto metrics = metrics_of(report);
        EXPECT_EQ(metrics.at("xdp_up").at("veth0,"), up) << state_name(state);
        for (const auto& [labels, value] : metrics.at("xdp_feed_state")) {
            EXPECT_EQ(value, labels == "veth0,," + std::string(state_name(state)) ? 1 : 0) << labels;
        }
        EXPECT_EQ(metrics.at("xdp_feed_state").size(), expected.size());
    }
}

TEST(Metrics, KeepTheirCountsWithoutThePin) {
    SampleReport report = example_report();
    report.readable = false;
    const auto metrics = metrics_of(report);
    EXPECT_EQ(metrics.at("xdp_up").at("veth0,"), 0);
    EXPECT_EQ(metrics.at("xdp_action_packets_total").at("veth0,,pass"), 10);
}

TEST(Metrics, ClaimNoStateWithoutThePin) {
    SampleReport report = example_report();
    report.readable = false;
    const auto states = metrics_of(report).at("xdp_feed_state");
    EXPECT_EQ(states.at("veth0,,attached"), 0);
    EXPECT_EQ(states.at("veth0,,unknown"), 1);
}

TEST(Metrics, OfWhatHasNeverBeenReadIsThatAlone) {
    SampleReport report;
    report.device = "veth0";
    EXPECT_THAT(metrics_of(report), UnorderedElementsAre(Pair("xdp_up", ElementsAre(Pair("veth0,", 0))),
                                                         Key("xdp_tally_build_info")));
}

TEST(Metrics, OfAPinGoByItsPath) {
    EXPECT_THAT(metrics_of(foreign_report()).at("xdp_up"),
                ElementsAre(Pair("/sys/fs/bpf/other/xdp_stats_map,", 1)));
}

TEST(Metrics, AreUtf8) {
    SampleReport report = example_report();
    report.device =
        "\xff"
        "0";
    EXPECT_THAT(metrics_of(report).at("xdp_up"), ElementsAre(Key("\xef\xbf\xbd"
                                                                 "0,")));
}

TEST(Metrics, AreTakenOnce) {
    Metrics metrics;
    metrics.add(example_report());
    metrics.take();
    EXPECT_THAT(values_of(metrics.take()), ElementsAre(Key("xdp_tally_build_info")));
}

TEST(PrometheusOutput, IsOneDocumentARound) {
    const auto output = make_prometheus_format();
    fmt::memory_buffer buffer;
    output->append(buffer, example_report());
    EXPECT_THAT(fmt::to_string(buffer), IsEmpty());
    output->append_round(buffer);
    const std::string text = fmt::to_string(buffer);
    EXPECT_THAT(text, testing::StartsWith("# HELP xdp_action_packets_total "));
    EXPECT_THAT(text, testing::HasSubstr(
                          "xdp_action_bytes_total{device=\"veth0\",netns=\"\",action=\"pass\"} 980\n"));
}

}  // namespace
}  // namespace tally::stats
