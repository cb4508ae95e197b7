// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <gmock/gmock.h>

#include <set>
#include <sstream>

#include "stats/output/format.h"
#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

TEST(TableOutput, IsPlainInAPipe) {
    const auto output = make_table_format(Detail::kNone, false);
    const std::string report =
        "veth0: attached, map 32, generation 1, map totals, period 2.000104 s, xdp_pass (id 57), native "
        "mode, by link\n"
        "action        packets  packets/s  bytes  bits/s\n"
        "XDP_ABORTED         0        0.0      0     0.0\n"
        "XDP_DROP            1        0.0     60     0.0\n"
        "XDP_PASS           10        5.0    980  3920.0\n"
        "XDP_TX              0        0.0      0     0.0\n"
        "XDP_REDIRECT        0        0.0      0     0.0\n"
        "total              11        5.0   1040  3920.0\n";
    EXPECT_EQ(text_of(*output, example_report()), report);
    EXPECT_EQ(text_of(*output, example_report()), "\n" + report);
}

TEST(TableOutput, IsGroupedAndScaledOnATerminal) {
    const auto output = make_table_format(Detail::kNone, true);
    SampleReport report = example_report();
    report.actions[XDP_PASS] = {{1234567, 98765432}, {}, {14'880'000, 999'990}};
    report.total = {{1234568, 98765492}, {}, {14'880'000, 999'990}};
    EXPECT_EQ(text_of(*output, report),
              "veth0: attached, map 32, generation 1, map totals, period 2.000 s\n"
              "  xdp_pass (id 57), native mode, by link\n"
              "  action            packets      packets/s            bytes         bits/s\n"
              "  XDP_ABORTED             0    0.00  pkt/s                0    0.00  bit/s\n"
              "  XDP_DROP                1    0.00  pkt/s               60    0.00  bit/s\n"
              "  XDP_PASS        1,234,567   14.88 Mpkt/s       98,765,432  999.99 kbit/s\n"
              "  XDP_TX                  0    0.00  pkt/s                0    0.00  bit/s\n"
              "  XDP_REDIRECT            0    0.00  pkt/s                0    0.00  bit/s\n"
              "  total           1,234,568   14.88 Mpkt/s       98,765,492  999.99 kbit/s\n");
}

TEST(TableOutput, HasADashWhereThereIsNoRateYet) {
    const auto output = make_table_format(Detail::kNone, false);
    EXPECT_EQ(text_of(*output, foreign_report()),
              "/sys/fs/bpf/other/xdp_stats_map: foreign, map 32, map totals\n"
              "action        packets  packets/s  bytes  bits/s\n"
              "XDP_ABORTED         0          -      0       -\n"
              "XDP_DROP            1          -     60       -\n"
              "XDP_PASS           10          -    980       -\n"
              "XDP_TX              0          -      0       -\n"
              "XDP_REDIRECT        0          -      0       -\n"
              "total              11          -   1040       -\n");
    SampleReport report = foreign_report();
    report.totals = Totals::kSession;
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, true), report),
                testing::StartsWith("/sys/fs/bpf/other/xdp_stats_map: foreign, map 32, session totals\n"
                                    "  action"));
}

TEST(TableOutput, OfALaterMapHasTheLifetimeTotalAsWell) {
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), later_report()),
                testing::EndsWith("XDP_REDIRECT        0        0.0      0     0.0\n"
                                  "total              11        5.0   1040  3920.0\n"
                                  "lifetime          511          -  31040       -\n"));
    EXPECT_THAT(text_of(*make_table_format(Detail::kPerCpu, true), later_report()),
                testing::EndsWith(
                    "  lifetime       all          511              -           31,040              -\n"));
    SampleReport report = later_report();
    report.totals = Totals::kSession;
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), report),
                testing::EndsWith("total              11        5.0   1040  3920.0\n"));
}

TEST(TableOutput, HasADashWhereTheLifetimeTotalIsNotKnown) {
    SampleReport report = foreign_report();
    report.totals = Totals::kLifetime;
    report.count_known = false;
    EXPECT_EQ(text_of(*make_table_format(Detail::kNone, false), report),
              "/sys/fs/bpf/other/xdp_stats_map: foreign, map 32, lifetime totals\n"
              "action        packets  packets/s  bytes  bits/s\n"
              "XDP_ABORTED         -          -      -       -\n"
              "XDP_DROP            -          -      -       -\n"
              "XDP_PASS            -          -      -       -\n"
              "XDP_TX              -          -      -       -\n"
              "XDP_REDIRECT        -          -      -       -\n"
              "total               -          -      -       -\n");
}

TEST(TableOutput, TellsAFeederThatIsGone) {
    SampleReport report = example_report();
    for (const AttachState state : {AttachState::kDetached, AttachState::kStale}) {
        report.state = state;
        EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), report),
                    testing::HasSubstr(" s, last attached: xdp_pass (id 57), native mode, by link\n"));
        EXPECT_THAT(text_of(*make_table_format(Detail::kNone, true), report),
                    testing::HasSubstr(" s\n  last attached: xdp_pass (id 57), native mode, by link\n"));
    }
}

TEST(TableOutput, PerCpuRowsFollowTheirAction) {
    const auto output = make_table_format(Detail::kPerCpu, false);
    SampleReport report = example_report();
    report.cpus = {example_cpu(0, XDP_PASS, {{4, 400}, {}, {2, 1600}}),
                   example_cpu(127, XDP_PASS, {{6, 580}, {}, {3, 2320}})};
    EXPECT_EQ(text_of(*output, report),
              "veth0: attached, map 32, generation 1, map totals, period 2.000104 s, xdp_pass (id 57), "
              "native mode, by link\n"
              "action         cpu  packets  packets/s  bytes  bits/s\n"
              "XDP_ABORTED    all        0        0.0      0     0.0\n"
              "XDP_DROP       all        1        0.0     60     0.0\n"
              "XDP_PASS       all       10        5.0    980  3920.0\n"
              "XDP_PASS         0        4        2.0    400  1600.0\n"
              "XDP_PASS       127        6        3.0    580  2320.0\n"
              "XDP_TX         all        0        0.0      0     0.0\n"
              "XDP_REDIRECT   all        0        0.0      0     0.0\n"
              "total          all       11        5.0   1040  3920.0\n");
}

TEST(TableOutput, ProgramsStandBeforeTheFinalVerdict) {
    EXPECT_EQ(text_of(*make_table_format(Detail::kPerProgram, false), dispatcher_report()),
              "veth0: attached, map 32, generation 1, map totals, period 2.000104 s, xdp_pass (id 57), "
              "native mode, by link\n"
              "program first (id 7):\n"
              "action        packets  packets/s  bytes  bits/s\n"
              "XDP_ABORTED         0        0.0      0     0.0\n"
              "XDP_DROP            1        0.0     60     0.0\n"
              "XDP_PASS           10        5.0    980  3920.0\n"
              "XDP_TX              0        0.0      0     0.0\n"
              "XDP_REDIRECT        0        0.0      0     0.0\n"
              "total              11        5.0   1040  3920.0\n"
              "program second (id 12):\n"
              "action        packets  packets/s  bytes  bits/s\n"
              "XDP_ABORTED         0        0.0      0     0.0\n"
              "XDP_DROP            0        0.0      0     0.0\n"
              "XDP_PASS           10        5.0    980  3920.0\n"
              "XDP_TX              0        0.0      0     0.0\n"
              "XDP_REDIRECT        0        0.0      0     0.0\n"
              "total              10        5.0    980  3920.0\n"
              "final verdict:\n"
              "action        packets  packets/s  bytes  bits/s\n"
              "XDP_ABORTED         0        0.0      0     0.0\n"
              "XDP_DROP            1        0.0     60     0.0\n"
              "XDP_PASS           10        5.0    980  3920.0\n"
              "XDP_TX              0        0.0      0     0.0\n"
              "XDP_REDIRECT        0        0.0      0     0.0\n"
              "total              11        5.0   1040  3920.0\n");
}

// Rows below the titles are as long as the titles, so every column ends where its title does.
void expect_aligned(const std::string& text, std::size_t heads) {
    const auto lines = lines_of(text);
    std::set<std::size_t> lengths;
    for (std::size_t line = heads; line < lines.size(); ++line) {
        lengths.insert(lines[line].size());
    }
    EXPECT_EQ(lengths.size(), 1U) << text;
}

TEST(TableOutput, IsAlignedWhateverTheNumbers) {
    for (const std::uint64_t value :
         {std::uint64_t{0}, std::uint64_t{999}, std::uint64_t{1000}, std::uint64_t{1} << 40, kMost}) {
        for (const double rate : {0.0, 999.996, 1e6, 1e23}) {
            SampleReport report = example_report();
            report.actions[XDP_TX] = {{value, value}, {}, {rate, rate}};
            report.total = {{value, value}, {}, {rate, rate}};
            report.total.lifetime = Counter{kMost, kMost};
            report.cpus = {example_cpu(511, XDP_TX, report.actions[XDP_TX])};
            for (const Detail detail : {Detail::kNone, Detail::kPerCpu}) {
                expect_aligned(text_of(*make_table_format(detail, true), report), 2);
                expect_aligned(text_of(*make_table_format(detail, false), report), 1);
            }
        }
    }
}

TEST(TableOutput, LargestNumbersAreExact) {
    SampleReport report = example_report();
    report.actions[XDP_TX].count = {kMost, kMost};
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, true), report),
                testing::HasSubstr("  XDP_TX        18,446,744,073,709,551,615    0.00  pkt/s"
                                   "  18,446,744,073,709,551,615    0.00  bit/s\n"));
    EXPECT_THAT(
        text_of(*make_table_format(Detail::kNone, false), report),
        testing::HasSubstr("XDP_TX        18446744073709551615        0.0  18446744073709551615     0.0\n"));
}

TEST(TableOutput, FitsIntoEightyColumns) {
    SampleReport report = example_report();
    report.map_id = 123456;
    report.program->generation = 1234;
    report.program->id = 123456;
    report.actions[XDP_PASS] = {{999'999'999, 999'999'999'999}, {}, {1e6, 1e9}};
    report.total = report.actions[XDP_PASS];
    report.total.lifetime = report.total.count;
    report.cpus = {example_cpu(15, XDP_PASS, report.actions[XDP_PASS])};
    for (const auto& line : lines_of(text_of(*make_table_format(Detail::kPerCpu, true), report))) {
        EXPECT_LE(line.size(), 80U) << line;
    }
}

TEST(TableOutput, NamesThePlaceNow) {
    SampleReport report = example_report();
    report.runs_on = "red/eth0";
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), report),
                testing::StartsWith("veth0: attached, map 32, runs on red/eth0, generation 1, "));
}

TEST(TableOutput, LossesAreBelowTheirVerdict) {
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), lossy_report()),
                testing::HasSubstr("\n"
                                   "XDP_REDIRECT     1203        0.0  72180     0.0\n"
                                   "  delivered 200\n"
                                   "  lost 1000: target is down (ENETDOWN)\n"
                                   "  lost 3: target's driver dropped it (no_reason)\n"
                                   "total "));
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, true), lossy_report()),
                testing::HasSubstr("\n    lost 1,000: target is down (ENETDOWN)\n"));
}

TEST(TableOutput, SaysSinceWhenOrWhyNot) {
    SampleReport report = lossy_report();
    report.delivery.complete = false;
    EXPECT_THAT(
        text_of(*make_table_format(Detail::kNone, false), report),
        testing::HasSubstr("  lost 1000 since 2026-01-31T12:00:00.123Z: target is down (ENETDOWN)\n"));
    report.delivery.count[XDP_REDIRECT].reset();
    report.delivery.unknown[XDP_REDIRECT] = "nobody tells";
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), report),
                testing::HasSubstr("\n  delivered: not known: nobody tells\n"));
}

TEST(TableOutput, CostIsBelowTheTotal) {
    SampleReport report = costly_report();
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), report),
                testing::EndsWith("\ncost: 23.5 ns a run, 0.000 % of a CPU\n"));
    report.cost->cpu = 0.421;
    report.cost->note = "of the dispatcher";
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), report),
                testing::EndsWith("\ncost: 23.5 ns a run, 42.100 % of a CPU, of the dispatcher\n"));
    report.cost = ProgramCost();
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), report),
                testing::EndsWith("\ncost: not known yet\n"));
    report.cost->note = "the program is gone";
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), report),
                testing::EndsWith("\ncost: the program is gone\n"));
    report.cost->note.clear();
    report.cost->cpu = 0;
    EXPECT_THAT(text_of(*make_table_format(Detail::kNone, false), report),
                testing::EndsWith("\ncost: no runs, 0.000 % of a CPU\n"));
}

}  // namespace
}  // namespace tally::stats
