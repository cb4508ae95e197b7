// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <gmock/gmock.h>

#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

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

// Of one round.
std::string metrics_text(SampleFormat& metrics, const std::vector<SampleReport>& reports) {
    fmt::memory_buffer text;
    for (const SampleReport& report : reports) {
        metrics.append(text, report);
    }
    metrics.append_round(text);
    return fmt::to_string(text);
}

std::string metrics_text(const std::vector<SampleReport>& reports) {
    return metrics_text(*make_prometheus_format(), reports);
}

// Of `veth0,red` from `{device="veth0",netns="red"}`; no label has an escaped character.
std::string label_values(const std::string& labels) {
    std::string values;
    for (std::size_t begin = labels.find('"'); begin != std::string::npos;) {
        const std::size_t end = labels.find('"', begin + 1);
        values += (values.empty() && begin == labels.find('"') ? "" : ",") +
                  labels.substr(begin + 1, end - begin - 1);
        begin = labels.find('"', end + 1);
    }
    return values;
}

// "device,netns,action" -> value
std::map<std::string, Values> values_of(const std::string& text) {
    std::map<std::string, Values> values;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.front() != '#') {
            const std::size_t brace = line.find('{');
            const std::size_t space = line.rfind(' ');
            values[line.substr(0, brace)][label_values(line.substr(brace, space - brace))] =
                std::stod(line.substr(space));
        }
    }
    return values;
}

std::map<std::string, Values> metrics_of(const SampleReport& report) {
    return values_of(metrics_text({report}));
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
    EXPECT_THAT(values_of(metrics_text({example_report(), red})).at("xdp_up"),
                ElementsAre(Pair("veth0,", 1), Pair("veth0,red", 1)));
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
    report.map_id = 32;  // it was there when the run began
    report.program = example_report().program;
    report.cost = ProgramCost();
    EXPECT_THAT(metrics_of(report), UnorderedElementsAre(Pair("xdp_up", ElementsAre(Pair("veth0,", 0))),
                                                         Key("xdp_tally_build_info")));
}

TEST(Metrics, OfAPinGoByItsPath) {
    EXPECT_THAT(metrics_of(foreign_report()).at("xdp_up"),
                ElementsAre(Pair("/sys/fs/bpf/other/xdp_stats_map,", 1)));
}

// And no two names become the same.
TEST(Metrics, AreUtf8) {
    const std::vector<std::pair<std::string, std::string>> names = {
        {"\xffz", "%FFz"},
        {"\xfez", "%FEz"},
        {"z\xff", "z%FF"},
        {"\xc3\xa9", "\xc3\xa9"},
        {"\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80"},
        {"\xe2\x82", "%E2%82"},         // cut off
        {"\xed\xb0\x80", "%ED%B0%80"},  // half of a pair of UTF-16
        {"\xc0\xaf", "%C0%AF"},         // longer than need be
        {"%FF", "%25FF"},               // what "\xff" becomes
        {"%25FF", "%2525FF"},
        {"100%", "100%"},
        {"%fx%F", "%fx%F"},
    };
    SampleReport report = example_report();
    for (const auto& [name, shown] : names) {
        report.device = name;
        EXPECT_THAT(metrics_of(report).at("xdp_up"), ElementsAre(Key(shown + ",")));
    }
}

TEST(Metrics, AreTakenOnce) {
    const auto metrics = make_prometheus_format();
    metrics_text(*metrics, {example_report()});
    EXPECT_THAT(values_of(metrics_text(*metrics, {})), ElementsAre(Key("xdp_tally_build_info")));
}

TEST(Metrics, AreGroupedAndExplained) {
    SampleReport red = example_report();
    red.netns = "red";
    red.time = 0;
    SampleReport blue = red;
    blue.netns = "blue";
    EXPECT_THAT(
        metrics_text({red, blue}),
        testing::StartsWith(
            "# HELP xdp_up Whether the counters can be read and, as far as is known, a program counts into "
            "them.\n"
            "# TYPE xdp_up gauge\n"
            "xdp_up{device=\"veth0\",netns=\"red\"} 1\n"
            "xdp_up{device=\"veth0\",netns=\"blue\"} 1\n"
            "# HELP xdp_tally_build_info The version of xdp_stats.\n"
            "# TYPE xdp_tally_build_info gauge\n"
            "xdp_tally_build_info{version=\""));
}

TEST(Metrics, EscapeWhatEndsALabel) {
    SampleReport report;
    report.device = "a\"b\\c\nd";
    EXPECT_THAT(metrics_text({report}), testing::HasSubstr(R"(xdp_up{device="a\"b\\c\nd",netns=""} 0)"));
}

TEST(Metrics, CountBeyondWhatADoubleHolds) {
    SampleReport report = example_report();
    report.before_start[XDP_PASS] = {(1ULL << 60U) + 1, 0};
    report.actions[XDP_PASS].session = {};
    EXPECT_THAT(metrics_text({report}), testing::HasSubstr("action=\"pass\"} 1152921504606846977\n"));
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

TEST(Prometheus, CostIsToldWhereItIsMeasured) {
    const auto metrics = metrics_of(costly_report());
    EXPECT_THAT(metrics.at("xdp_program_runs_total"), ElementsAre(Pair("veth0,", 10)));
    EXPECT_THAT(metrics.at("xdp_program_run_seconds_total"), ElementsAre(Pair("veth0,", 234.567e-9)));
    EXPECT_THAT(metrics_of(example_report()), testing::Not(testing::Contains(Key("xdp_program_runs_total"))));
}

TEST(PrometheusOutput, TellsWhatBecameOfPackets) {
    const auto values = metrics_of(lossy_report());
    EXPECT_EQ(values.at("xdp_action_delivered_packets_total"), (Values{{"veth0,,redirect", 200}}));
    // The usual reasons are there with 0.
    EXPECT_EQ(values.at("xdp_action_lost_packets_total"), (Values{{"veth0,,redirect,ENETDOWN", 1000},
                                                                  {"veth0,,redirect,no_reason", 3},
                                                                  {"veth0,,redirect,EOPNOTSUPP", 0},
                                                                  {"veth0,,redirect,EMSGSIZE", 0},
                                                                  {"veth0,,redirect,ENXIO", 0},
                                                                  {"veth0,,redirect,EINVAL", 0}}));
    EXPECT_FALSE(metrics_of(example_report()).contains("xdp_action_lost_packets_total"));
}

}  // namespace
}  // namespace tally::stats
