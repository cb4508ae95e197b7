// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/sparkline.h"

#include <gmock/gmock.h>

#include <limits>
#include <string>
#include <vector>

#include "stats/live/canvas_line.h"

namespace tally::stats {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

std::string spark(const std::vector<double>& values, bool unicode) {
    Canvas canvas(static_cast<int>(values.size()) + 2, 1, unicode);
    canvas.set(0, 0, U'[', {});
    canvas.set(static_cast<int>(values.size()) + 1, 0, U']', {});
    draw_sparkline(canvas, 1, 0, values, {});
    return line_of(canvas, 0);
}

std::string bar(double value, double most, bool unicode) {
    Canvas canvas(6, 1, unicode);
    canvas.set(0, 0, U'[', {});
    canvas.set(5, 0, U']', {});
    draw_bar(canvas, 1, 0, 4, value, most, {});
    return line_of(canvas, 0);
}

TEST(Sparkline, EightStepsUpToTheLargest) {
    EXPECT_EQ(spark({1, 2, 3, 4, 5, 6, 7, 8}, true), "[▁▂▃▄▅▆▇█]");
    // Seven steps of 10 each, without the blank.
    EXPECT_EQ(spark({10, 20, 30, 40, 50, 60, 70}, false), "[.:-=+*#]");
}

TEST(Sparkline, NothingIsBlankAndLittleIsNot) {
    EXPECT_EQ(spark({0, kMissing, 1, 1e9}, true), "[  ▁█]");
    EXPECT_EQ(spark({0, kMissing, 1, 1e9}, false), "[  .#]");
    EXPECT_EQ(spark({0, 0}, true), "[  ]");
    EXPECT_EQ(spark({}, true), "[]");
}

TEST(Bar, EighthsOfACell) {
    EXPECT_EQ(bar(0, 8, true), "[    ]");
    EXPECT_EQ(bar(8, 8, true), "[████]");
    EXPECT_EQ(bar(4, 8, true), "[██  ]");
    // 3/32 of 4 cells are 3 eighths of one.
    EXPECT_EQ(bar(3, 32, true), "[▍   ]");
    EXPECT_EQ(bar(1e-9, 1, true), "[▏   ]");
}

TEST(Bar, WholeCellsWithoutUnicode) {
    EXPECT_EQ(bar(4, 8, false), "[==  ]");
    EXPECT_EQ(bar(8, 8, false), "[====]");
    EXPECT_EQ(bar(1e-9, 1, false), "[=   ]");
}

TEST(Bar, NothingToCompareWith) {
    EXPECT_EQ(bar(0, 0, true), "[    ]");
    EXPECT_EQ(bar(9, 8, true), "[████]");
}

}  // namespace
}  // namespace tally::stats
