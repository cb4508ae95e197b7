// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/axis.h"

#include <gmock/gmock.h>

namespace tally::stats {
namespace {

using testing::ElementsAre;

TEST(Axis, EndsAtRoundNumbers) {
    EXPECT_EQ(axis_end(0), 1);
    EXPECT_EQ(axis_end(1), 1);
    EXPECT_EQ(axis_end(1.2), 1.5);
    EXPECT_EQ(axis_end(1000), 1000);
    EXPECT_EQ(axis_end(1001), 1500);
    EXPECT_EQ(axis_end(7000), 8000);
    EXPECT_EQ(axis_end(9000), 10000);
    EXPECT_DOUBLE_EQ(axis_end(0.003), 0.003);
}

TEST(Axis, LabelsAreShort) {
    EXPECT_EQ(axis_label(0), "0");
    EXPECT_EQ(axis_label(0.5), "0.5");
    EXPECT_EQ(axis_label(750), "750");
    EXPECT_EQ(axis_label(1000), "1 k");
    EXPECT_EQ(axis_label(2500), "2.5 k");
    EXPECT_EQ(axis_label(40e6), "40 M");
    EXPECT_EQ(axis_label(999.9), "1 k");
}

TEST(Axis, PartsAreRoundToo) {
    EXPECT_EQ(axis_parts(1000, 20), 5);  // 200
    EXPECT_EQ(axis_parts(1500, 20), 5);  // 300
    EXPECT_EQ(axis_parts(1500, 12), 3);  // 500: there is no room for more
    EXPECT_EQ(axis_parts(8000, 20), 4);  // 2000
    EXPECT_EQ(axis_parts(3000, 21), 3);  // 1000
    EXPECT_EQ(axis_parts(8000, 18), 2) << "at equal distances; 4 parts would not be";
    EXPECT_EQ(axis_parts(8000, 6), 2);
    EXPECT_EQ(axis_parts(8000, 3), 1);
}

TEST(Axis, TimesAreRound) {
    // From 12:00:07 to 12:05:07.
    const double begin = 12 * 3600 + 7;
    const TimeTicks minutes = time_ticks(begin, begin + 300, 6);
    EXPECT_THAT(minutes.moments, ElementsAre(43260, 43320, 43380, 43440, 43500));
    EXPECT_FALSE(minutes.with_seconds);
    const TimeTicks seconds = time_ticks(begin, begin + 60, 4);
    EXPECT_THAT(seconds.moments, ElementsAre(43215, 43230, 43245, 43260));
    EXPECT_TRUE(seconds.with_seconds);
    EXPECT_TRUE(time_ticks(begin, begin + 300, 0).moments.empty());
    EXPECT_TRUE(time_ticks(begin, begin, 4).moments.empty());
}

TEST(Axis, TimesOfDayGoRoundAtMidnight) {
    EXPECT_EQ(time_text(43507, true), "12:05:07");
    EXPECT_EQ(time_text(43507, false), "12:05");
    EXPECT_EQ(time_text(86400 + 59, true), "00:00:59");
    EXPECT_EQ(time_text(-1, true), "23:59:59");
}

TEST(Axis, SpansHaveTheirUnits) {
    EXPECT_EQ(span_text(0.5), "500 ms");
    EXPECT_EQ(span_text(60), "60 s");
    EXPECT_EQ(span_text(300), "5 min");
    EXPECT_EQ(span_text(7200), "2 h");
}

}  // namespace
}  // namespace tally::stats
