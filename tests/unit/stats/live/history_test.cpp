// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/history.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>

#include <cmath>
#include <vector>

namespace tally::stats {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsNan;

History::PacketRates passes(float pps) {
    History::PacketRates rates = {};
    rates[XDP_PASS] = pps;
    return rates;
}

std::vector<double> columns(const History& history, double now, double bucket, std::size_t count,
                            std::size_t action = XDP_PASS) {
    std::vector<double> values(count);
    history.resample(action, now, bucket, values);
    return values;
}

TEST(History, NothingIsKnownAtFirst) {
    const History history;
    EXPECT_EQ(history.span(5), 0);
    EXPECT_THAT(columns(history, 5, 1, 2), ElementsAre(IsNan(), IsNan()));
}

TEST(History, ASampleFillsTheTimeItIsAbout) {
    History history;
    history.add(2, 1, passes(10));  // from 1 to 2
    history.add(4, 2, passes(30));  // from 2 to 4
    // Columns 0..1, 1..2, 2..3, 3..4, 4..5; the last one holds "now".
    EXPECT_THAT(columns(history, 4, 1, 5), ElementsAre(IsNan(), 10, 30, 30, IsNan()));
    EXPECT_EQ(history.span(4), 3);
}

TEST(History, AColumnIsTheMeanOverWhatIsKnownOfIt) {
    History history;
    history.add(1, 1, passes(10));
    history.add(2, 1, passes(20));
    history.add(2.5, 0.5, passes(40));
    // 0..2: (10 + 20) / 2; of 2..4 half a second is known.
    EXPECT_THAT(columns(history, 2.5, 2, 2), ElementsAre(15, 40));
}

TEST(History, ColumnsStayWhatTheyWere) {
    History history;
    for (int second = 1; second <= 8; ++second) {
        history.add(second, 1, passes(static_cast<float>(second)));
    }
    // Columns of 2 s: 0..2, 2..4, 4..6, 6..8, 8..10. They are the same at 8.1 s and 9.9 s.
    EXPECT_THAT(columns(history, 8.1, 2, 4), ElementsAre(3.5, 5.5, 7.5, IsNan()));
    EXPECT_THAT(columns(history, 9.9, 2, 4), ElementsAre(3.5, 5.5, 7.5, IsNan()));
}

TEST(History, AGapStaysAGap) {
    History history;
    history.add(1, 1, passes(5));
    history.add(4, 1, passes(7));
    EXPECT_THAT(columns(history, 3.9, 1, 4), ElementsAre(5, IsNan(), IsNan(), 7));
}

TEST(History, ASlowSampleFillsManyColumns) {
    History history;
    history.add(4, 4, passes(8));
    EXPECT_THAT(columns(history, 3.9, 1, 4), ElementsAre(8, 8, 8, 8));
}

TEST(History, AllActionsAreTheSum) {
    History history;
    history.add(1, 1, {1, 2, 4, 8, 16});
    EXPECT_THAT(columns(history, 0.9, 1, 1, kAllActions), ElementsAre(31));
    EXPECT_THAT(columns(history, 0.9, 1, 1, XDP_REDIRECT), ElementsAre(16));
}

TEST(History, TheOldestMakeRoom) {
    History history;
    constexpr int kMany = static_cast<int>(History::kSamples) + 10;
    for (int second = 1; second <= kMany; ++second) {
        history.add(second, 1, passes(static_cast<float>(second)));
    }
    EXPECT_EQ(history.size(), History::kSamples);
    EXPECT_EQ(history.span(kMany), 300);
    const auto values = columns(history, kMany - 0.1, 1, kMany);
    EXPECT_THAT(values[9], IsNan());
    EXPECT_EQ(values[10], 11);
    EXPECT_EQ(values[kMany - 1], kMany);
}

TEST(History, UnevenSamplesKeepTheirMean) {
    History history;
    history.add(0.999, 0.999, passes(100));
    history.add(2.003, 1.004, passes(100));
    const auto values = columns(history, 1.5, 1, 2);
    EXPECT_THAT(values, ElementsAre(DoubleNear(100, 1e-6), DoubleNear(100, 1e-6)));
}

}  // namespace
}  // namespace tally::stats
