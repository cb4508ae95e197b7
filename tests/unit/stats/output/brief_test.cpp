// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <gmock/gmock.h>

#include <sstream>

#include "stats/output/format.h"
#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

std::string round_of(SampleFormat& output, const std::vector<SampleReport>& reports) {
    fmt::memory_buffer buffer;
    for (const SampleReport& report : reports) {
        output.append(buffer, report);
    }
    EXPECT_EQ(buffer.size(), 0U) << "a round is written when it is complete";
    output.append_round(buffer);
    return fmt::to_string(buffer);
}

std::vector<std::string> brief_lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

// Of every line, what ends where the title ends.
std::vector<std::string> column(const std::vector<std::string>& lines, const std::string& title) {
    const std::size_t end = lines.at(0).find(" " + title + " ") + 1 + title.size();
    std::vector<std::string> cells;
    for (std::size_t line = 1; line < lines.size(); ++line) {
        EXPECT_EQ(lines[line].at(end), ' ') << lines[line];
        const std::string before = lines[line].substr(0, end);
        cells.push_back(before.substr(before.find_last_of(' ') + 1));
    }
    return cells;
}

SampleReport report_of(const std::string& title, Counter passed, Rate rate) {
    SampleReport report = example_report();
    report.title = title;
    report.actions[XDP_PASS].count = passed;
    report.total.rate = rate;
    return report;
}

TEST(BriefOutput, IsPlainInAPipe) {
    const auto output = make_brief_format(false);
    const std::string round =
        "device     aborted  drop        pass  tx  redirect  lost   packets/s        bits/s  state\n"
        "veth0            0     1          10   0         0     -         5.0        3920.0  attached\n"
        "red/eth10        0     1  1234567890   0         0     -  14880952.4  9999999999.0  attached\n";
    const std::vector<SampleReport> reports = {
        example_report(), report_of("red/eth10", {1234567890, 98765432}, {14'880'952.4, 9'999'999'999.0})};
    EXPECT_EQ(round_of(*output, reports), round);
    EXPECT_EQ(round_of(*output, reports), "\n" + round);
    output->start_anew();
    EXPECT_EQ(round_of(*output, reports), round);
}

TEST(BriefOutput, IsGroupedAndScaledOnATerminal) {
    const auto output = make_brief_format(true);
    EXPECT_EQ(round_of(*output, {example_report(), report_of("red/eth10", {1234567890, 98765432},
                                                             {14'880'952.4, 9'999'999'999.0})}),
              "device     aborted  drop           pass  tx  redirect  lost  packets/s    bits/s  state\n"
              "veth0            0     1             10   0         0     -     5.00      3.92 k  attached\n"
              "red/eth10        0     1  1,234,567,890   0         0     -    14.88 M   10.00 G  attached\n");
}

TEST(BriefOutput, TheLargestNumbersStayInTheirColumns) {
    constexpr std::uint64_t kMost = ~std::uint64_t(0);
    SampleReport full = example_report();
    for (CounterValues& values : full.actions) {
        values.count = {kMost, kMost};
    }
    full.total.rate = {1e19, 1e22};
    const auto plain = brief_lines(round_of(*make_brief_format(false), {example_report(), full}));
    for (const auto* const title : {"aborted", "drop", "pass", "tx", "redirect"}) {
        EXPECT_EQ(column(plain, title)[1], "18446744073709551615") << title;
    }
    EXPECT_EQ(column(plain, "drop")[0], "1");
    EXPECT_EQ(column(plain, "packets/s")[1], "10000000000000000000.0");
    const auto grouped = brief_lines(round_of(*make_brief_format(true), {example_report(), full}));
    for (const auto* const title : {"aborted", "drop", "pass", "tx", "redirect"}) {
        EXPECT_EQ(column(grouped, title)[1], "18,446,744,073,709,551,615") << title;
    }
}

TEST(BriefOutput, AddsUpWhatWasLost) {
    const auto plain = brief_lines(round_of(*make_brief_format(false), {example_report(), lossy_report()}));
    EXPECT_THAT(column(plain, "lost"), testing::ElementsAre("-", "1003"));
    const auto grouped = brief_lines(round_of(*make_brief_format(true), {example_report(), lossy_report()}));
    EXPECT_THAT(column(grouped, "lost"), testing::ElementsAre("-", "1,003"));
}

TEST(BriefOutput, HasADashWhereNothingIsKnown) {
    SampleReport waiting = example_report();
    waiting.title = "gone0";
    waiting.readable = false;
    SampleReport first = example_report();
    first.period = 0;
    const auto output = make_brief_format(false);
    EXPECT_EQ(round_of(*output, {waiting, first}),
              "device  aborted  drop  pass  tx  redirect  lost  packets/s  bits/s  state\n"
              "gone0         -     -     -   -         -     -          -       -  waiting\n"
              "veth0         0     1    10   0         0     -          -       -  attached\n");
    EXPECT_EQ(round_of(*make_brief_format(true), {waiting, first}),
              "device  aborted  drop  pass  tx  redirect  lost  packets/s    bits/s  state\n"
              "gone0         -     -     -   -         -     -          -         -  waiting\n"
              "veth0         0     1    10   0         0     -          -         -  attached\n");
}

TEST(BriefOutput, ARoundWithNothingToReadIsNone) {
    SampleReport waiting = example_report();
    waiting.readable = false;
    const auto output = make_brief_format(false);
    EXPECT_EQ(round_of(*output, {}), "");
    EXPECT_EQ(round_of(*output, {waiting}), "");
    EXPECT_THAT(round_of(*output, {example_report()}), testing::StartsWith("device "));
}

TEST(BriefOutput, TellsTheStateAndThePlace) {
    SampleReport moved = example_report();
    moved.runs_on = "red/eth0";
    const auto lines = brief_lines(round_of(*make_brief_format(false), {foreign_report(), moved}));
    EXPECT_THAT(lines.at(1), testing::EndsWith("  foreign"));
    EXPECT_THAT(lines.at(1), testing::StartsWith("/sys/fs/bpf/other/xdp_stats_map  "));
    EXPECT_THAT(lines.at(2), testing::EndsWith("  attached, runs on red/eth0"));
}

TEST(BriefOutput, ARoundHasNoLinesOfAnEarlierOne) {
    const auto output = make_brief_format(false);
    EXPECT_EQ(brief_lines(round_of(*output, {example_report(), example_report()})).size(), 3U);
    EXPECT_EQ(brief_lines(round_of(*output, {example_report()})).size(), 3U);  // a blank one between them
}

// As the table has it: not all that is counted beside it.
TEST(BriefOutput, TellsSinceWhenLossesAreKnown) {
    const auto output = make_brief_format(false);
    SampleReport report = lossy_report();
    EXPECT_EQ(brief_lines(round_of(*output, {report})).at(1).find("since"), std::string::npos);
    report.delivery.complete = false;
    const auto lines = brief_lines(round_of(*output, {report}));
    EXPECT_TRUE(lines.at(2).ends_with("  attached, lost since 2026-01-31T12:00:00.123Z")) << lines.at(2);
    report.delivery.count[XDP_REDIRECT].reset();
    EXPECT_TRUE(brief_lines(round_of(*output, {report})).at(2).ends_with("  attached"));
}

}  // namespace
}  // namespace tally::stats
