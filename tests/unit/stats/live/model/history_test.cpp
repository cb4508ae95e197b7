// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/history.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>

namespace tally::stats {
namespace {

History::PacketRates passes(float pps) {
    History::PacketRates rates = {};
    rates[XDP_PASS] = pps;
    return rates;
}

std::vector<Moment> columns_of(const History& history, double begin, double step, std::size_t count) {
    std::vector<Moment> columns(count);
    history.resample(begin, step, columns);
    return columns;
}

TEST(History, NothingIsKnownOfATimeWithoutSamples) {
    History history;
    EXPECT_TRUE(history.empty());
    EXPECT_FALSE(history.read(0, 10).known);
    history.add(100, 1, passes(7), 0);
    EXPECT_FALSE(history.empty());
    EXPECT_EQ(history.begin(), 99);
    EXPECT_FALSE(history.read(90, 99).known);
    EXPECT_FALSE(history.read(100, 110).known);
    EXPECT_TRUE(history.read(99, 100).known);
}

TEST(History, ARateIsThatOfItsVerdict) {
    History history;
    History::PacketRates rates = {};
    rates[XDP_DROP] = 3;
    rates[XDP_TX] = 5;
    history.add(50, 1, rates, 640);
    const Moment moment = history.read(49, 50);
    EXPECT_EQ(moment.pps[XDP_DROP], 3);
    EXPECT_EQ(moment.of(XDP_TX), 5);
    EXPECT_EQ(moment.of(kAllActions), 8);
    EXPECT_EQ(moment.bps, 640);
}

TEST(History, ASampleIsDividedAmongTheSecondsItCovers) {
    History history;
    // From 10.5 to 12.5: half of second 10, all of 11, half of 12.
    history.add(12.5, 2, passes(100), 0);
    for (const Moment& column : columns_of(history, 10, 1, 3)) {
        EXPECT_TRUE(column.known);
        EXPECT_NEAR(column.pps[XDP_PASS], 100, 1e-3) << "a rate, whatever part of the second was measured";
    }
    history.add(13.5, 1, passes(300), 0);
    EXPECT_NEAR(history.read(12, 13).pps[XDP_PASS], 200, 1e-3) << "half a second each";
}

TEST(History, WhileItIsHeldNothingThatIsReadChanges) {
    History history;
    for (int second = 1; second <= 600; ++second) {
        history.add(second + 0.3, 1, passes(static_cast<float>(second)), 0);
    }
    const auto look = [&] {
        std::vector<double> seen;
        for (const double step : {1.0, 5.0, 20.0}) {
            for (const Moment& moment : columns_of(history, 621 - 30 * step, step, 30)) {
                seen.push_back(moment.known ? moment.pps[XDP_PASS] : -1);
            }
        }
        return seen;
    };
    const auto before = look();
    history.hold();
    // The next sample began before the history was held.
    for (int second = 605; second <= 700; second += 5) {
        history.add(second + 0.3, 5, passes(1e6), 0);
        EXPECT_EQ(look(), before);
    }
    history.release();
    EXPECT_EQ(history.read(690, 700).pps[XDP_PASS], 1e6);
    EXPECT_NEAR(history.read(600, 601).pps[XDP_PASS], 0.3 * 600 + 0.7 * 1e6, 1);
}

TEST(History, WhatBeginsWhileItIsHeldIsNotReadEither) {
    History history;
    history.hold();
    history.add(100, 1, passes(7), 0);
    EXPECT_FALSE(history.read(99, 100).known);
    history.release();
    EXPECT_TRUE(history.read(99, 100).known);
}

TEST(History, AColumnIsTheMeanOfItsSeconds) {
    History history;
    for (int second = 1; second <= 6; ++second) {
        history.add(second, 1, passes(static_cast<float>(second)), 0);
    }
    const auto columns = columns_of(history, 0, 3, 2);
    EXPECT_NEAR(columns[0].pps[XDP_PASS], 2, 1e-3);
    EXPECT_NEAR(columns[1].pps[XDP_PASS], 5, 1e-3);
}

TEST(History, ColumnsMayBeShorterThanASecond) {
    History history;
    history.add(1, 1, passes(4), 0);
    history.add(2, 1, passes(8), 0);
    const auto columns = columns_of(history, 0, 0.5, 5);
    EXPECT_NEAR(columns[1].pps[XDP_PASS], 4, 1e-3);
    EXPECT_NEAR(columns[2].pps[XDP_PASS], 8, 1e-3);
    EXPECT_FALSE(columns[4].known);
}

TEST(History, AnHourIsKeptInCoarserSteps) {
    History history;
    for (int second = 1; second <= 3600; ++second) {
        history.add(second, 1, passes(second <= 1800 ? 10 : 20), 0);
    }
    const auto columns = columns_of(history, 0, 60, 60);
    EXPECT_NEAR(columns.front().pps[XDP_PASS], 10, 1e-2);
    EXPECT_NEAR(columns[29].pps[XDP_PASS], 10, 1e-2);
    EXPECT_NEAR(columns[30].pps[XDP_PASS], 20, 1e-2);
    EXPECT_NEAR(columns.back().pps[XDP_PASS], 20, 1e-2);
    // The latest minutes are there in single seconds.
    history.add(3601, 1, passes(5000), 0);
    EXPECT_NEAR(history.read(3600, 3601).pps[XDP_PASS], 5000, 1);
    EXPECT_NEAR(history.read(3599, 3600).pps[XDP_PASS], 20, 1e-2);
}

TEST(History, AGapIsNotFilled) {
    History history;
    history.add(1, 1, passes(1), 0);
    history.add(100, 1, passes(1), 0);
    EXPECT_FALSE(history.read(50, 51).known);
    history.add(5000, 1, passes(1), 0);
    EXPECT_FALSE(history.read(4000, 4001).known) << "what is older than the ring is gone";
    EXPECT_TRUE(history.read(4999, 5000).known);
}

TEST(History, ASampleOfAnHourFillsIt) {
    History history;
    history.add(7200, 3600, passes(9), 0);
    EXPECT_NEAR(history.read(7199, 7200).pps[XDP_PASS], 9, 1e-2);
    EXPECT_NEAR(history.read(3700, 3800).pps[XDP_PASS], 9, 1e-2);
}

}  // namespace
}  // namespace tally::stats
