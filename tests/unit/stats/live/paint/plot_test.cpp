// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/plot.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>

#include <clocale>

#include "stats/live/paint/canvas_line.h"

namespace tally::stats {
namespace {

using testing::ElementsAre;

class PlotTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    static void TearDownTestSuite() { std::setlocale(LC_CTYPE, "C"); }
};

Plot plot_with(std::initializer_list<double> passes) {
    Plot plot;
    for (const double value : passes) {
        StackColumn column;
        column.values[XDP_PASS] = value;
        column.known = value >= 0;
        plot.columns.push_back(column);
    }
    return plot;
}

TEST_F(PlotTest, EveryLabelIsAtTheUpperEdgeOfItsLine) {
    Plot plot = plot_with({0, 2, 4, 6, 8, -1});
    plot.end = 8;
    Canvas canvas(16, 8, kPlainLook);
    ASSERT_EQ(plot_columns(16), 6U);
    draw_plot(canvas, {0, 0, 16, 8}, plot);
    // 2 and 6 of 8 are a half of a line more than a whole number: half is enough for a letter.
    EXPECT_THAT(lines_of(canvas), ElementsAre("     8 +    P",     //
                                              "       |   PP",     //
                                              "       |   PP  P",  // the name of the latest area
                                              "     4 +  PPP",     //
                                              "       | PPPP",     //
                                              "       | PPPP",     //
                                              "     0 +------", ""));
}

TEST_F(PlotTest, TimesAndReplacementsAreOnTheAxis) {
    Plot plot =
        plot_with(std::initializer_list<double>{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    plot.times = {{3, "12:00"}, {12, "12:05"}, {40, "12:10"}, {-5, "11:55"}};
    plot.marks = {{17.9, "g2"}};
    Canvas canvas(28, 5, kPlainLook);
    draw_plot(canvas, {0, 0, 28, 5}, plot);
    EXPECT_EQ(line_of(canvas, 3), "     0 +---+--------+----^");
    EXPECT_EQ(line_of(canvas, 4), "         12:00    12:05 g2");
}

TEST_F(PlotTest, LabelsNeverTouch) {
    Plot plot = plot_with({1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    plot.times = {{2, "12:00"}, {6, "12:05"}};
    Canvas canvas(20, 5, kPlainLook);
    draw_plot(canvas, {0, 0, 20, 5}, plot);
    EXPECT_EQ(line_of(canvas, 4), "        12:00");
}

TEST_F(PlotTest, TheCursorStandsAtItsColumn) {
    Plot plot = plot_with({1, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    plot.cursor = 4;
    plot.cursor_text = "12:00:04";
    Canvas canvas(20, 5, kPlainLook);
    draw_plot(canvas, {0, 0, 20, 5}, plot);
    EXPECT_EQ(canvas.at(kAxisWidth + 4, 0).symbol, U'|');
    EXPECT_EQ(canvas.at(kAxisWidth + 4, 2).symbol, U'|');
    EXPECT_EQ(line_of(canvas, 4), "        12:00:04");
}

TEST_F(PlotTest, LettersNameTheLatestAreas) {
    Plot plot;
    StackColumn column;
    column.values[XDP_DROP] = 1;
    column.values[XDP_PASS] = 3;
    column.known = true;
    plot.columns = {column};
    plot.end = 4;
    Canvas canvas(11, 6, {});
    draw_plot(canvas, {0, 0, 11, 6}, plot);
    EXPECT_EQ(canvas.at(10, 3).symbol, U'D');
    EXPECT_EQ(canvas.at(10, 3).style.ink, Ink::kDrop);
    EXPECT_EQ(canvas.at(10, 1).symbol, U'P');
}

TEST_F(PlotTest, WithoutRoomNothingIsDrawn) {
    for (int width = 0; width < 14; ++width) {
        for (int height = 0; height < 6; ++height) {
            Canvas canvas(14, 6, {});
            draw_plot(canvas, {0, 0, width, height}, plot_with({1, 2, 3}));
            const bool room = plot_columns(width) > 0 && height > kAxisHeight;
            EXPECT_EQ(lines_of(canvas) != lines_of(Canvas(14, 6, {})), room) << width << 'x' << height;
        }
    }
}

}  // namespace
}  // namespace tally::stats
