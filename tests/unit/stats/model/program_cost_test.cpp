// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/program_cost.h"

#include <gtest/gtest.h>

namespace tally::stats {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint32_t kId = 7;

TEST(CostMeter, TakesTwoReadings) {
    CostMeter meter(20);
    meter.take({kId, 1000, 50'000, kSecond, false});
    EXPECT_EQ(meter.cost().program_id, kId);
    EXPECT_EQ(meter.cost().ns_per_run, std::nullopt);
    EXPECT_EQ(meter.cost().cpu, std::nullopt);
    // 100 runs of 70 ns, of which 20 are the measuring's: 5000 ns of half a second.
    meter.take({kId, 1100, 57'000, kSecond + kSecond / 2, false});
    EXPECT_DOUBLE_EQ(*meter.cost().ns_per_run, 50);
    EXPECT_DOUBLE_EQ(*meter.cost().cpu, 1e-5);
    EXPECT_EQ(meter.cost().session_runs, 100U);
    EXPECT_DOUBLE_EQ(meter.cost().session_nanoseconds, 5000);
}

TEST(CostMeter, NothingIsLessThanNothing) {
    CostMeter meter(20);
    meter.take({kId, 0, 0, kSecond, false});
    meter.take({kId, 100, 1500, 2 * kSecond, false});
    EXPECT_EQ(meter.cost().ns_per_run, 0.0);
    EXPECT_EQ(meter.cost().cpu, 0.0);
    EXPECT_EQ(meter.cost().session_nanoseconds, 0);
}

TEST(CostMeter, ProgramThatDoesNotRunCostsNothingAndHasNoTimeOfARun) {
    CostMeter meter;
    meter.take({kId, 10, 500, kSecond, false});
    meter.take({kId, 10, 500, 2 * kSecond, false});
    EXPECT_EQ(meter.cost().ns_per_run, std::nullopt);
    EXPECT_EQ(meter.cost().cpu, 0.0);
}

TEST(CostMeter, TwoProgramsAreNeverMixed) {
    CostMeter meter(10);
    meter.take({kId, 1'000'000, 90'000'000, kSecond, false});
    meter.take({kId, 1'000'100, 90'006'000, 2 * kSecond, false});
    EXPECT_DOUBLE_EQ(*meter.cost().ns_per_run, 50);
    // A successor, which has fewer runs, or more.
    for (const std::uint64_t runs : {std::uint64_t{5}, std::uint64_t{9'000'000}}) {
        meter.take({kId + 1, runs, runs * 100, 3 * kSecond, false});
        EXPECT_EQ(meter.cost().program_id, kId + 1);
        EXPECT_EQ(meter.cost().ns_per_run, std::nullopt);
        EXPECT_EQ(meter.cost().cpu, std::nullopt);
        meter.take({kId, 1'000'100, 90'006'000, 4 * kSecond, false});
        EXPECT_EQ(meter.cost().ns_per_run, std::nullopt);
    }
    EXPECT_EQ(meter.cost().session_runs, 100U);
}

// All runs of a program that was loaded meanwhile belong to the session, the first ones as well.
TEST(CostMeter, NewProgramCountsFromItsFirstRun) {
    CostMeter meter(10);
    meter.take({kId, 500, 50'000, kSecond, false});
    meter.take({kId + 1, 30, 1500, 2 * kSecond, true});
    EXPECT_EQ(meter.cost().session_runs, 30U);
    EXPECT_DOUBLE_EQ(meter.cost().session_nanoseconds, 1200);
    meter.take({kId + 1, 40, 2000, 3 * kSecond, true});
    EXPECT_EQ(meter.cost().session_runs, 40U);
    EXPECT_DOUBLE_EQ(*meter.cost().ns_per_run, 40);
}

TEST(CostMeter, WhatCannotBeReadIsSaidAndEndsThePeriod) {
    CostMeter meter;
    meter.take({kId, 0, 0, kSecond, false});
    meter.take({kId, 10, 500, 2 * kSecond, false});
    meter.miss("the program is gone");
    EXPECT_EQ(meter.cost().note, "the program is gone");
    EXPECT_EQ(meter.cost().program_id, 0U);
    EXPECT_EQ(meter.cost().ns_per_run, std::nullopt);
    EXPECT_EQ(meter.cost().cpu, std::nullopt);
    EXPECT_EQ(meter.cost().session_runs, 10U);
    meter.take({kId, 20, 1000, 3 * kSecond, false});
    EXPECT_EQ(meter.cost().note, "");
    EXPECT_EQ(meter.cost().ns_per_run, std::nullopt);
}

// Detached for a while, or replaced by another for a while.
TEST(CostMeter, NewProgramThatComesBackIsNotCountedAgain) {
    CostMeter meter;
    meter.take({kId, 10, 500, kSecond, true});
    EXPECT_EQ(meter.cost().session_runs, 10U);
    for (int time = 2; time < 5; ++time) {
        meter.miss("no program is attached to the interface");
        meter.take({kId, 10, 500, time * kSecond, true});
        EXPECT_EQ(meter.cost().session_runs, 10U);
        EXPECT_DOUBLE_EQ(meter.cost().session_nanoseconds, 500);
        EXPECT_EQ(meter.cost().cpu, std::nullopt);
    }
    meter.take({kId, 12, 600, 5 * kSecond, true});
    EXPECT_EQ(meter.cost().session_runs, 12U);
    EXPECT_DOUBLE_EQ(*meter.cost().ns_per_run, 50);
    meter.take({kId + 1, 3, 150, 6 * kSecond, true});
    meter.take({kId, 12, 600, 7 * kSecond, true});
    EXPECT_EQ(meter.cost().session_runs, 15U);
}

}  // namespace
}  // namespace tally::stats
