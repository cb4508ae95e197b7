#include <gmock/gmock.h>

#include <set>
#include <sstream>

#include "stats/output.h"

#include "block_for_tests.h"

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
    const auto output = make_table_output(Detail::kNone, false);
    const std::string block =
        "veth0: attached, map 32, generation 1, period 2.000104 s, xdp_pass (id 57), native mode, by link\n"
        "action        packets  packets/s  bytes  bits/s\n"
        "XDP_ABORTED         0        0.0      0     0.0\n"
        "XDP_DROP            1        0.0     60     0.0\n"
        "XDP_PASS           10        5.0    980  3920.0\n"
        "XDP_TX              0        0.0      0     0.0\n"
        "XDP_REDIRECT        0        0.0      0     0.0\n"
        "total              11        5.0   1040  3920.0\n";
    EXPECT_EQ(text_of(*output, example_block()), block);
    EXPECT_EQ(text_of(*output, example_block()), "\n" + block);
}

TEST(TableOutput, IsGroupedAndScaledOnATerminal) {
    const auto output = make_table_output(Detail::kNone, true);
    Block block = example_block();
    block.actions[XDP_PASS] = {{1234567, 98765432}, {}, {14'880'000, 999'990}};
    block.total = {{1234568, 98765492}, {}, {14'880'000, 999'990}};
    EXPECT_EQ(text_of(*output, block),
              "veth0: attached, map 32, generation 1, period 2.000 s\n"
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
    const auto output = make_table_output(Detail::kNone, false);
    EXPECT_EQ(text_of(*output, foreign_block()),
              "/sys/fs/bpf/other/xdp_stats_map: foreign, map 32\n"
              "action        packets  packets/s  bytes  bits/s\n"
              "XDP_ABORTED         0          -      0       -\n"
              "XDP_DROP            1          -     60       -\n"
              "XDP_PASS           10          -    980       -\n"
              "XDP_TX              0          -      0       -\n"
              "XDP_REDIRECT        0          -      0       -\n"
              "total              11          -   1040       -\n");
    Block block = foreign_block();
    block.since_start = true;
    EXPECT_THAT(text_of(*make_table_output(Detail::kNone, true), block),
                testing::StartsWith("/sys/fs/bpf/other/xdp_stats_map: foreign, map 32, totals since start\n"
                                    "  action"));
}

TEST(TableOutput, TellsAFeederThatIsGone) {
    Block block = example_block();
    for (const FeedState state : {FeedState::kDetached, FeedState::kStale}) {
        block.state = state;
        EXPECT_THAT(text_of(*make_table_output(Detail::kNone, false), block),
                    testing::HasSubstr(" s, last fed by xdp_pass (id 57), native mode, by link\n"));
        EXPECT_THAT(text_of(*make_table_output(Detail::kNone, true), block),
                    testing::HasSubstr(" s\n  last fed by xdp_pass (id 57), native mode, by link\n"));
    }
}

TEST(TableOutput, PerCpuRowsFollowTheirAction) {
    const auto output = make_table_output(Detail::kPerCpu, false);
    Block block = example_block();
    block.cpus = {example_cpu(0, XDP_PASS, {{4, 400}, {}, {2, 1600}}),
                  example_cpu(127, XDP_PASS, {{6, 580}, {}, {3, 2320}})};
    EXPECT_EQ(
        text_of(*output, block),
        "veth0: attached, map 32, generation 1, period 2.000104 s, xdp_pass (id 57), native mode, by link\n"
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
    EXPECT_EQ(
        text_of(*make_table_output(Detail::kPerProgram, false), dispatcher_block()),
        "veth0: attached, map 32, generation 1, period 2.000104 s, xdp_pass (id 57), native mode, by link\n"
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
            Block block = example_block();
            block.actions[XDP_TX] = {{value, value}, {}, {rate, rate}};
            block.total = {{value, value}, {}, {rate, rate}};
            block.cpus = {example_cpu(511, XDP_TX, block.actions[XDP_TX])};
            for (const Detail detail : {Detail::kNone, Detail::kPerCpu}) {
                expect_aligned(text_of(*make_table_output(detail, true), block), 2);
                expect_aligned(text_of(*make_table_output(detail, false), block), 1);
            }
        }
    }
}

TEST(TableOutput, LargestNumbersAreExact) {
    Block block = example_block();
    block.actions[XDP_TX].count = {kMost, kMost};
    EXPECT_THAT(text_of(*make_table_output(Detail::kNone, true), block),
                testing::HasSubstr("  XDP_TX        18,446,744,073,709,551,615    0.00  pkt/s"
                                   "  18,446,744,073,709,551,615    0.00  bit/s\n"));
    EXPECT_THAT(
        text_of(*make_table_output(Detail::kNone, false), block),
        testing::HasSubstr("XDP_TX        18446744073709551615        0.0  18446744073709551615     0.0\n"));
}

TEST(TableOutput, FitsIntoEightyColumns) {
    Block block = example_block();
    block.map_id = 123456;
    block.feeder->generation = 1234;
    block.feeder->program_id = 123456;
    block.actions[XDP_PASS] = {{999'999'999, 999'999'999'999}, {}, {1e6, 1e9}};
    block.total = block.actions[XDP_PASS];
    block.cpus = {example_cpu(15, XDP_PASS, block.actions[XDP_PASS])};
    for (const auto& line : lines_of(text_of(*make_table_output(Detail::kPerCpu, true), block))) {
        EXPECT_LE(line.size(), 80U) << line;
    }
}

}  // namespace
}  // namespace tally::stats
