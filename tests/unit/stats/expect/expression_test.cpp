// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/expect/expression.h"

#include <gmock/gmock.h>

#include <limits>

#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

using testing::HasSubstr;

constexpr std::size_t kDrop = 1;
constexpr std::size_t kPass = 2;

Expectation parsed(std::string_view text) {
    const auto expectation = parse_expectation(text);
    if (!expectation) {
        ADD_FAILURE() << expectation.error().message();
        return {};
    }
    return *expectation;
}

SampleReport report() {
    SampleReport report;
    report.actions[kDrop].count = {100, 6400};
    report.actions[kDrop].rate = {1000.5, 512256};
    report.total = report.actions[kDrop];
    report.period = 0.1;
    return report;
}

bool holds_for(std::string_view text, const SampleReport& report) {
    const auto expectation = parsed(text);
    return holds(expectation, look(expectation, report));
}

TEST(Expectation, TakesEverySpelling) {
    for (const char* text : {"drop.packets==100", "XDP_DROP.packets == 100", "  Xdp_Drop.packets\t==  100  ",
                             "DROP.packets == 0100", "drop.packets == 0.1k"}) {
        const auto expectation = parsed(text);
        EXPECT_EQ(expectation.action, kDrop) << text;
        EXPECT_EQ(expectation.field, Field::kPackets) << text;
        EXPECT_EQ(expectation.comparison, Comparison::kEqual) << text;
        EXPECT_EQ(expectation.number, 100U) << text;
        EXPECT_EQ(expectation.text, text);
    }
    EXPECT_EQ(parsed("pass.bytes >= 1").action, kPass);
    EXPECT_FALSE(parsed("Total.bps < 1").action);
}

TEST(Expectation, NumbersAreExact) {
    EXPECT_EQ(parsed("total.bytes == 18446744073709551615").number,
              std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(parsed("total.bytes == 18446744073.709551615G").number,
              std::numeric_limits<std::uint64_t>::max());
    EXPECT_EQ(parsed("total.bytes == 3k").number, 3000U);
    EXPECT_EQ(parsed("total.bytes == 1.5M").number, 1'500'000U);
    EXPECT_EQ(parsed("total.bytes == 2G").number, 2'000'000'000U);
    EXPECT_EQ(parsed("total.bytes == 2.000").number, 2U);
    EXPECT_DOUBLE_EQ(parsed("total.pps > 0.25").rate, 0.25);
    EXPECT_DOUBLE_EQ(parsed("total.pps > 1.5k").rate, 1500);
}

TEST(Expectation, EveryComparison) {
    const SampleReport seen = report();
    EXPECT_TRUE(holds_for("drop.packets == 100", seen));
    EXPECT_FALSE(holds_for("drop.packets == 101", seen));
    EXPECT_TRUE(holds_for("drop.packets != 101", seen));
    EXPECT_FALSE(holds_for("drop.packets != 100", seen));
    EXPECT_TRUE(holds_for("drop.bytes >= 6400", seen));
    EXPECT_FALSE(holds_for("drop.bytes >= 6401", seen));
    EXPECT_TRUE(holds_for("drop.bytes <= 6400", seen));
    EXPECT_FALSE(holds_for("drop.bytes <= 6399", seen));
    EXPECT_TRUE(holds_for("total.packets > 99", seen));
    EXPECT_FALSE(holds_for("total.packets > 100", seen));
    EXPECT_TRUE(holds_for("pass.packets < 1", seen));
    EXPECT_FALSE(holds_for("pass.packets < 0", seen));
    EXPECT_TRUE(holds_for("drop.pps > 1k", seen));
    EXPECT_FALSE(holds_for("drop.bps > 0.6M", seen));
}

TEST(Expectation, NoRateBeforeTheSecondSample) {
    SampleReport first = report();
    first.period = 0;
    EXPECT_FALSE(holds_for("drop.pps >= 0", first));
    EXPECT_FALSE(holds_for("drop.pps < 1G", first));
    EXPECT_TRUE(holds_for("drop.packets == 100", first));
}

TEST(Expectation, NeighboursOfTheLargestNumberDiffer) {
    SampleReport seen = report();
    seen.total.count.rx_bytes = std::numeric_limits<std::uint64_t>::max() - 1;
    EXPECT_FALSE(holds_for("total.bytes == 18446744073709551615", seen));
    EXPECT_TRUE(holds_for("total.bytes < 18446744073709551615", seen));
}

bool exceeded(std::string_view text, const SampleReport& report) {
    const auto expectation = parsed(text);
    return is_exceeded(expectation, look(expectation, report));
}

TEST(Expectation, IsExceededAboveAnUpperBoundOfWhatOnlyGrows) {
    const SampleReport seen = report();
    for (const char* text :
         {"drop.packets == 99", "drop.packets <= 99", "drop.packets < 100", "drop.packets < 99",
          "drop.bytes == 6399", "total.bytes < 6400", "pass.packets < 0"}) {
        EXPECT_TRUE(exceeded(text, seen)) << text;
    }
    for (const char* text :
         {"drop.packets == 100", "drop.packets == 101", "drop.packets <= 100", "drop.packets < 101",
          "drop.packets >= 99", "drop.packets > 99", "drop.packets > 100", "drop.packets != 99",
          "drop.packets != 100", "drop.pps == 1", "drop.pps < 1", "drop.bps <= 1"}) {
        EXPECT_FALSE(exceeded(text, seen)) << text;
    }
}

TEST(Expectation, WhatIsNotKnownIsNotExceeded) {
    EXPECT_FALSE(is_exceeded(parsed("drop.packets < 0"), Seen{}));
}

TEST(Expectation, TellsHowManyWereAllowed) {
    const Seen seen = {true, 12, 0};
    EXPECT_EQ(excess_text(parsed("drop.packets == 10"), seen), "too many: 12, expected 10");
    EXPECT_EQ(excess_text(parsed("drop.packets <= 0.01k"), seen), "too many: 12, expected at most 10");
    EXPECT_EQ(excess_text(parsed("drop.packets < 12"), seen), "too many: 12, expected less than 12");
}

struct Bad {
    const char* text;
    std::size_t position;  // of the character that is wrong, from 0
    const char* reason;
};

class BadExpectation : public testing::TestWithParam<Bad> {};

TEST_P(BadExpectation, PointsAtTheCharacter) {
    const auto [text, position, reason] = GetParam();
    const auto expectation = parse_expectation(text);
    ASSERT_FALSE(expectation) << text;
    const Error& error = expectation.error();
    EXPECT_EQ(error.kind, ErrorKind::kUsage);
    EXPECT_THAT(error.message(), HasSubstr(text));
    EXPECT_THAT(error.reason, HasSubstr(reason));
    EXPECT_EQ(error.details, std::string(text) + "\n" + std::string(position, ' ') + "^");
    EXPECT_THAT(error.hint, HasSubstr("ACTION.FIELD OP NUMBER"));
}

INSTANTIATE_TEST_SUITE_P(
    Expect, BadExpectation,
    testing::Values(
        Bad{"", 0, "expected an action"}, Bad{"dorp.packets == 1", 0, "'dorp' is not an action"},
        Bad{"drop", 4, "'.' and a field"}, Bad{"drop packets == 1", 4, "'.' and a field"},
        Bad{"drop. == 1", 5, "expected a field"}, Bad{"drop.packet == 1", 5, "'packet' is not a field"},
        Bad{"drop.Packets == 1", 5, "not a field"}, Bad{"drop.packets", 12, "expected an operator"},
        Bad{"drop.packets = 1", 13, "expected an operator"},
        Bad{"drop.packets => 1", 13, "expected an operator"},
        Bad{"drop.packets == ", 16, "expected a number"}, Bad{"drop.packets == x", 16, "number"},
        Bad{"drop.packets == -1", 16, "expected a number"},
        Bad{"drop.packets == .5", 16, "expected a number"},
        Bad{"drop.packets == 5.", 16, "expected a number"}, Bad{"drop.packets == 1.5", 16, "whole numbers"},
        Bad{"drop.packets == 1.0005k", 16, "whole numbers"}, Bad{"drop.packets == 1K", 17, "unexpected text"},
        Bad{"drop.packets == 1 M", 18, "unexpected text"},
        Bad{"drop.packets == 1 or so", 18, "unexpected text"},
        Bad{"drop.packets == 18446744073709551616", 16, "larger than any counter"},
        Bad{"drop.packets == 99999999999G", 16, "larger than any counter"}));

TEST(Expression, LooksAtWhatBecameOfPackets) {
    const auto delivered = parse_expectation("redirect.delivered == 200");
    const auto lost = parse_expectation("total.lost <= 1k");
    ASSERT_TRUE(delivered && lost);
    EXPECT_TRUE(holds(*delivered, look(*delivered, lossy_report())));
    EXPECT_FALSE(holds(*lost, look(*lost, lossy_report())));
    EXPECT_TRUE(is_exceeded(*lost, look(*lost, lossy_report())));
}

TEST(Expression, WhatIsNotKnownDoesNotHold) {
    const auto lost = parse_expectation("redirect.lost == 0");
    ASSERT_TRUE(lost);
    SampleReport report = example_report();
    EXPECT_FALSE(holds(*lost, look(*lost, report)));
    EXPECT_EQ(look(*lost, report).obstacle, "what becomes of packets is not tracked");
    report = lossy_report();
    report.delivery.count[XDP_REDIRECT] = Fate();
    EXPECT_TRUE(holds(*lost, look(*lost, report)));
    report.delivery.complete = false;
    EXPECT_FALSE(holds(*lost, look(*lost, report)));
    report.delivery.complete = true;
    report.delivery.count[XDP_REDIRECT].reset();
    report.delivery.unknown[XDP_REDIRECT] = "nobody tells";
    EXPECT_EQ(look(*lost, report).obstacle, "nobody tells");
    EXPECT_FALSE(is_exceeded(*lost, look(*lost, report)));
}

TEST(Expression, OnlyPacketsThatAreSentOnAreDelivered) {
    for (const auto* const text : {"drop.lost == 0", "XDP_PASS.delivered == 1"}) {
        const auto refused = parse_expectation(text);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().kind, ErrorKind::kUsage);
    }
    EXPECT_TRUE(parse_expectation("aborted.lost == 3"));
}

}  // namespace
}  // namespace tally::stats
