// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/time_window.h"

#include <gmock/gmock.h>

#include <cmath>

namespace tally::stats {
namespace {

TEST(TimeWindow, ColumnsHoldTheWindowAndNow) {
    for (const double window : kWindows) {
        for (const std::size_t count : {10U, 33U, 110U, 188U, 400U}) {
            const TimeColumns columns = time_columns(12345.6, window, count);
            EXPECT_EQ(columns.count, count);
            EXPECT_GE(columns.step * static_cast<double>(count), window);
            EXPECT_LT(columns.step * static_cast<double>(count), 2.2 * window) << count;
            EXPECT_LE(columns.at(count - 1), 12345.6);
            EXPECT_GT(columns.end(), 12345.6);
        }
    }
}

TEST(TimeWindow, ColumnsMoveByWholeOnes) {
    const TimeColumns first = time_columns(999.2, 300, 100);
    const TimeColumns second = time_columns(1001.9, 300, 100);
    EXPECT_EQ(first.step, 3);
    EXPECT_EQ(first.begin, second.begin) << "within the same column nothing moves";
    EXPECT_EQ(time_columns(1002, 300, 100).begin, first.begin + 3);
    EXPECT_EQ(std::fmod(first.begin, 3), 0);
    EXPECT_EQ(first.column_of(first.at(7)), 7);
}

TEST(TimeWindow, WithoutColumnsThereIsNothing) {
    EXPECT_EQ(time_columns(1, 300, 0).count, 0U);
}

}  // namespace
}  // namespace tally::stats
