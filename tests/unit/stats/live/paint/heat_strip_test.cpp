// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/heat_strip.h"

#include <gmock/gmock.h>

#include <clocale>

#include "stats/live/paint/canvas_line.h"

namespace tally::stats {
namespace {

class HeatStrip : public testing::Test {
  protected:
    static void SetUpTestSuite() { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    static void TearDownTestSuite() { std::setlocale(LC_CTYPE, "C"); }
};

std::vector<Heat> heats(std::initializer_list<double> values) {
    std::vector<Heat> all;
    for (const double value : values) {
        all.push_back({value, Ink::kPass});
    }
    return all;
}

TEST_F(HeatStrip, AFewStandInOneLine) {
    const HeatLayout layout = lay_out_heat(4, 40, 3);
    EXPECT_EQ(layout.lines, 1);
    EXPECT_EQ(layout.each, 1);
    Canvas canvas(40, 1, {});
    draw_heat(canvas, {0, 0, 40, 1}, layout, heats({0, 7, 3, 1}));
    EXPECT_EQ(line_of(canvas, 0), "0 ·▇▃▁");
}

TEST_F(HeatStrip, AHundredAndTwentyEightHaveLinesOfARoundNumber) {
    const HeatLayout layout = lay_out_heat(128, 78, 4);
    EXPECT_EQ(layout.per_line, 72);
    EXPECT_EQ(layout.lines, 2);
    std::vector<Heat> values(128, Heat{1, Ink::kPass});
    Canvas canvas(78, 2, {});
    draw_heat(canvas, {0, 0, 78, 2}, layout, values);
    EXPECT_EQ(line_of(canvas, 1).substr(0, 4), " 72 ");
    int drawn = 0;
    for (int y = 0; y < 2; ++y) {
        for (int x = layout.label; x < 78; ++x) {
            drawn += canvas.at(x, y).symbol == U'▇' ? 1 : 0;
        }
    }
    EXPECT_EQ(drawn, 128);
}

TEST_F(HeatStrip, WhereThereAreTooManyTheLargestOfSeveralIsShown) {
    const HeatLayout layout = lay_out_heat(512, 40, 2);
    EXPECT_EQ(layout.each, 8);
    std::vector<Heat> values(512);
    values[13] = {5, Ink::kDrop};
    Canvas canvas(40, 2, {});
    draw_heat(canvas, {0, 0, 40, 2}, layout, values);
    EXPECT_EQ(canvas.at(layout.label + 1, 0).symbol, U'▇');
    EXPECT_EQ(canvas.at(layout.label + 1, 0).style.ink, Ink::kDrop);
}

TEST_F(HeatStrip, UnevennessIsOneWhereAllAreEqual) {
    EXPECT_EQ(unevenness(heats({5, 5, 5, 5}), 4), 1);
    EXPECT_EQ(unevenness(heats({8, 0, 0, 0}), 4), 4);
    EXPECT_EQ(unevenness(heats({0, 0, 0, 8}), 3), 3) << "the second is offline";
    EXPECT_EQ(unevenness(heats({0, 0}), 2), 0);
    EXPECT_EQ(unevenness({}, 0), 0);
}

}  // namespace
}  // namespace tally::stats
