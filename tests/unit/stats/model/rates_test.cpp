// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/rates.h"

#include <gmock/gmock.h>

#include "stats/counters_for_tests.h"

namespace tally::stats {
namespace {

TEST(Growth, IsTheDifference) {
    EXPECT_EQ(growth({10, 1000}, {17, 1420}), (Counter{7, 420}));
    EXPECT_EQ(growth({10, 1000}, {10, 1000}), (Counter{0, 0}));
    EXPECT_EQ(growth({0, 0}, {kMost, kMost}), (Counter{kMost, kMost}));
}

TEST(Growth, OfAResetCounterIsWhatItShowsNow) {
    EXPECT_EQ(growth({10, 1000}, {3, 180}), (Counter{3, 180}));
    EXPECT_EQ(growth({kMost, kMost}, {0, 0}), (Counter{0, 0}));
    // Fewer packets, but larger ones: the bytes alone do not show the reset.
    EXPECT_EQ(growth({100, 6000}, {50, 75000}), (Counter{50, 75000}));
    EXPECT_EQ(growth({50, 75000}, {100, 6000}), (Counter{100, 6000}));
}

TEST(WentBackwards, SeesEitherNumberOfAnyAction) {
    EXPECT_FALSE(went_backwards(passed(5, 500), passed(5, 500)));
    EXPECT_FALSE(went_backwards(passed(5, 500), passed(6, 560)));
    EXPECT_TRUE(went_backwards(passed(5, 500), passed(4, 500)));
    EXPECT_TRUE(went_backwards(passed(5, 500), passed(5, 499)));
    EXPECT_TRUE(went_backwards(counters({{XDP_REDIRECT, {1, 60}}}), passed(1000, 60000)));
}

TEST(Rates, DivideByTheMeasuredTime) {
    // 10 packets and 980 bytes in 2 seconds: 5 packets/s, 980 * 8 / 2 = 3920 bits/s.
    const Rates rates = compute_rates(passed(100, 9800), passed(110, 10780), 2.0);
    EXPECT_DOUBLE_EQ(rates.actions[XDP_PASS].pps, 5);
    EXPECT_DOUBLE_EQ(rates.actions[XDP_PASS].bps, 3920);
    EXPECT_DOUBLE_EQ(rates.actions[XDP_DROP].pps, 0);
    EXPECT_DOUBLE_EQ(rates.total.pps, 5);
    EXPECT_DOUBLE_EQ(rates.total.bps, 3920);
}

TEST(Rates, TotalIsOverAllActions) {
    const Counters now = counters({{XDP_ABORTED, {1, 60}},
                                   {XDP_DROP, {2, 120}},
                                   {XDP_PASS, {4, 240}},
                                   {XDP_TX, {8, 480}},
                                   {XDP_REDIRECT, {16, 960}}});
    const Rates rates = compute_rates({}, now, 0.5);
    EXPECT_DOUBLE_EQ(rates.actions[XDP_TX].pps, 16);       // 8 / 0.5
    EXPECT_DOUBLE_EQ(rates.total.pps, 62);                 // 31 / 0.5
    EXPECT_DOUBLE_EQ(rates.total.bps, 31 * 60 * 8 / 0.5);  // 29760
}

TEST(Rates, AreNeverNegative) {
    const Rates rates = compute_rates(passed(1000, 60000), passed(10, 600), 1.0);
    EXPECT_DOUBLE_EQ(rates.actions[XDP_PASS].pps, 10);
    EXPECT_DOUBLE_EQ(rates.actions[XDP_PASS].bps, 4800);
    EXPECT_DOUBLE_EQ(rates.total.pps, 10);
}

TEST(Rates, NeedTimeToHavePassed) {
    for (const double seconds : {0.0, -1.0}) {
        const Rates rates = compute_rates(passed(0, 0), passed(10, 600), seconds);
        EXPECT_DOUBLE_EQ(rates.actions[XDP_PASS].pps, 0);
        EXPECT_DOUBLE_EQ(rates.total.bps, 0);
    }
}

TEST(Rates, OfTheLargestNumbersStayFinite) {
    // 2^64 bytes * 8 per millisecond: the product must not wrap around as an integer.
    const Rates rates = compute_rates({}, passed(kMost, kMost), 0.001);
    EXPECT_DOUBLE_EQ(rates.actions[XDP_PASS].pps, 18446744073709551615.0 * 1000);
    EXPECT_DOUBLE_EQ(rates.actions[XDP_PASS].bps, 18446744073709551615.0 * 8000);
}

TEST(SumOfActions, AddsEveryAction) {
    EXPECT_EQ(sum_of_actions(counters({{XDP_ABORTED, {1, 10}}, {XDP_REDIRECT, {2, 30}}})), (Counter{3, 40}));
    EXPECT_EQ(sum_of_actions({}), (Counter{0, 0}));
}

}  // namespace
}  // namespace tally::stats
