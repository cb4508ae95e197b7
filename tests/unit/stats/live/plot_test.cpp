// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/plot.h"

#include <gmock/gmock.h>

#include <clocale>
#include <limits>

#include "stats/live/canvas_line.h"

namespace tally::stats {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

class Plot : public testing::Test {
  protected:
    static void SetUpTestSuite() { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    static void TearDownTestSuite() { std::setlocale(LC_CTYPE, "C"); }
};

std::vector<std::string> lines(const Canvas& canvas) {
    std::vector<std::string> all;
    all.reserve(static_cast<std::size_t>(canvas.height()));
    for (int y = 0; y < canvas.height(); ++y) {
        all.push_back(line_of(canvas, y));
    }
    return all;
}

TEST_F(Plot, AxesEndAtRoundNumbers) {
    EXPECT_EQ(axis_end(0), 1);
    EXPECT_EQ(axis_end(1), 1);
    EXPECT_EQ(axis_end(1.2), 1.5);
    EXPECT_EQ(axis_end(1000), 1000);
    EXPECT_EQ(axis_end(1001), 1500);
    EXPECT_EQ(axis_end(7000), 8000);
    EXPECT_EQ(axis_end(9000), 10000);
    EXPECT_DOUBLE_EQ(axis_end(0.003), 0.003);
}

TEST_F(Plot, LabelsAreShort) {
    EXPECT_EQ(axis_label(0), "0");
    EXPECT_EQ(axis_label(0.5), "0.5");
    EXPECT_EQ(axis_label(750), "750");
    EXPECT_EQ(axis_label(1000), "1 k");
    EXPECT_EQ(axis_label(2500), "2.5 k");
    EXPECT_EQ(axis_label(40e6), "40 M");
    EXPECT_EQ(axis_label(999.9), "1 k");
}

TEST_F(Plot, SymbolsStandAtTheirHeight) {
    Canvas canvas(14, 7, false);
    const std::vector<Series> series = {{{0, 1, 2, 3, 4, kNone}, U'o', {}}};
    ASSERT_EQ(plot_columns(14, Strokes::kSymbols), 6U);
    draw_plot(canvas, {0, 0, 14, 7}, series, Strokes::kSymbols, "6 s");
    EXPECT_THAT(lines(canvas), testing::ElementsAre("     4 +    o",   //
                                                    "       |   o",    //
                                                    "     2 +  o",     //
                                                    "       | o",      //
                                                    "     0 +o",       //
                                                    "       +------",  //
                                                    "        6 snow"));
}

TEST_F(Plot, LaterSeriesCoverEarlierOnes) {
    Canvas canvas(11, 4, false);
    const std::vector<Series> series = {{{1, 1, 1}, U'o', {}}, {{0, 1, 0}, U'x', {}}};
    draw_plot(canvas, {0, 0, 11, 4}, series, Strokes::kSymbols, "");
    EXPECT_EQ(line_of(canvas, 0), "     1 +oxo");
    EXPECT_EQ(line_of(canvas, 1), "     0 +x x");
}

TEST_F(Plot, BrailleHasTwoTimesFourDotsInACell) {
    // One line of two cells: four columns of four dots. 0, 1, 2, 3 of 3: one dot more for each.
    Canvas canvas(10, 3, true);
    const std::vector<Series> series = {{{0, 1, 2, 3}, U'o', {.ink = Ink::kPass}}};
    ASSERT_EQ(plot_columns(10, Strokes::kBraille), 4U);
    draw_plot(canvas, {0, 0, 10, 3}, series, Strokes::kBraille, "");
    // Left cell: the lowest dot at the left (0x40), the one above at the right (0x20). The right one has the
    // symbol of the latest value over its dots.
    EXPECT_EQ(canvas.at(8, 0).symbol, U'\u2800' + 0x60);
    EXPECT_EQ(canvas.at(8, 0).style.ink, Ink::kPass);
    EXPECT_EQ(canvas.at(9, 0).symbol, U'o');
    EXPECT_TRUE(canvas.at(9, 0).style.bold);
}

TEST_F(Plot, BrailleJoinsWhatIsApart) {
    // 0, then 3 of 3, then nothing, then 0: the second column is drawn from the first dot above the bottom.
    Canvas canvas(11, 3, true);
    const std::vector<Series> series = {{{0, 3, kNone, 0, kNone, 3}, U'o', {}}};
    draw_plot(canvas, {0, 0, 11, 3}, series, Strokes::kBraille, "");
    EXPECT_EQ(canvas.at(8, 0).symbol, U'\u2800' + (0x40 | 0x20 | 0x10 | 0x08));
    EXPECT_EQ(canvas.at(9, 0).symbol, U'\u2800' + 0x80);
}

TEST_F(Plot, WhereThereIsNoRoomThereIsNothing) {
    Canvas canvas(8, 2, true);
    draw_plot(canvas, {0, 0, 8, 2}, {}, Strokes::kBraille, "1 min");
    EXPECT_THAT(lines(canvas), testing::ElementsAre("", ""));
    EXPECT_EQ(plot_columns(3, Strokes::kBraille), 0U);
}

TEST_F(Plot, ASilentSeriesLiesAtTheBottom) {
    Canvas canvas(10, 5, false);
    const std::vector<Series> series = {{{0, 0}, U'x', {}}};
    draw_plot(canvas, {0, 0, 10, 5}, series, Strokes::kSymbols, "");
    EXPECT_EQ(line_of(canvas, 0), "     1 +");
    EXPECT_EQ(line_of(canvas, 2), "     0 +xx");
}

}  // namespace
}  // namespace tally::stats
