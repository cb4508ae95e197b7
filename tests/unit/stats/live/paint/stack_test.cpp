// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/stack.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>

#include <clocale>

#include "stats/live/paint/canvas_line.h"

namespace tally::stats {
namespace {

using testing::ElementsAre;

class Stack : public testing::Test {
  protected:
    static void SetUpTestSuite() { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    static void TearDownTestSuite() { std::setlocale(LC_CTYPE, "C"); }
};

StackColumn column(double drops, double passes, std::int64_t number = 0) {
    StackColumn one;
    one.values[XDP_DROP] = drops;
    one.values[XDP_PASS] = passes;
    one.known = true;
    one.number = number;
    return one;
}

TEST_F(Stack, HeightsAreExactToAnEighthOfALine) {
    Canvas canvas(3, 2, {});
    // Of 16 eighths: 1, 8, 13.
    draw_stack(canvas, {0, 0, 3, 2}, std::vector{column(0, 1), column(0, 8), column(0, 13)}, 16);
    EXPECT_THAT(lines_of(canvas), ElementsAre("  ▅", "▁██"));
}

TEST_F(Stack, WhatIsDroppedStandsOnTheAxisInItsColour) {
    Canvas canvas(1, 2, {});
    draw_stack(canvas, {0, 0, 1, 2}, std::vector{column(3, 13)}, 16);
    EXPECT_EQ(canvas.at(0, 1).symbol, U'▃');
    EXPECT_EQ(canvas.at(0, 1).style.ink, Ink::kDrop);
    EXPECT_EQ(canvas.at(0, 1).style.back, Ink::kPass);
    EXPECT_EQ(canvas.at(0, 0).symbol, U'█');
    EXPECT_EQ(canvas.at(0, 0).style.ink, Ink::kPass);
}

TEST_F(Stack, ThreeColoursInACellBecomeTheNearestTwo) {
    Canvas canvas(1, 1, {});
    StackColumn one = column(3, 4);
    one.values[XDP_ABORTED] = 1;
    // Two lines high, so that the area is stacked: the lower line has 2 aborted, 6 dropped.
    Canvas high(1, 2, {});
    draw_stack(high, {0, 0, 1, 2}, std::vector{one}, 8);
    EXPECT_EQ(high.at(0, 1).symbol, U'▂');
    EXPECT_EQ(high.at(0, 1).style.ink, Ink::kAborted);
    EXPECT_EQ(high.at(0, 1).style.back, Ink::kDrop);
}

TEST_F(Stack, ALittleOfWhatIsDroppedIsSeen) {
    EXPECT_THAT(stack_units(column(1, 1000000), 1000001, 16), ElementsAre(0, 1, 15, 0, 0));
    EXPECT_THAT(stack_units(column(0, 1), 1000000, 16), ElementsAre(0, 0, 1, 0, 0));
    EXPECT_THAT(stack_units(column(0, 0), 10, 16), ElementsAre(0, 0, 0, 0, 0));
    EXPECT_THAT(stack_units(column(5, 25), 10, 16), ElementsAre(0, 3, 13, 0, 0)) << "not above the end";
}

TEST_F(Stack, WithoutColoursLettersMakeUpTheArea) {
    for (const Look look : {kPlainLook, Look{Glyphs::kEighths, false}}) {
        Canvas canvas(2, 4, look);
        draw_stack(canvas, {0, 0, 2, 4}, std::vector{column(1, 2), column(0, 4)}, 4);
        EXPECT_THAT(lines_of(canvas), ElementsAre(" P", "PP", "PP", "DP"));
    }
}

TEST_F(Stack, WhatIsNotKnownIsBlank) {
    Canvas canvas(2, 2, {});
    StackColumn unknown = column(0, 16);
    unknown.known = false;
    draw_stack(canvas, {0, 0, 2, 2}, std::vector{unknown, column(0, 16)}, 16);
    EXPECT_THAT(lines_of(canvas), ElementsAre(" █", " █"));
}

TEST_F(Stack, OneLineNeverTouchesTheLineAbove) {
    Canvas canvas(3, 1, {});
    draw_stack(canvas, {0, 0, 3, 1}, std::vector{column(0, 100), column(0, 50), column(0, 1)}, 100);
    EXPECT_EQ(line_of(canvas, 0), "▇▄▁");
    Canvas plain(2, 1, kPlainLook);
    draw_stack(plain, {0, 0, 2, 1}, std::vector{column(0, 100), column(0, 1)}, 100);
    EXPECT_EQ(line_of(plain, 0), "#.");
}

TEST_F(Stack, InOneLineAsManyColumnsHaveAColourAsIsItsShare) {
    Canvas canvas(8, 1, {});
    std::vector<StackColumn> columns;
    for (std::int64_t number = 100; number < 108; ++number) {
        columns.push_back(column(25, 75, number));
    }
    draw_stack(canvas, {0, 0, 8, 1}, columns, 100);
    int drops = 0;
    for (int x = 0; x < 8; ++x) {
        drops += canvas.at(x, 0).style.ink == Ink::kDrop ? 1 : 0;
    }
    EXPECT_EQ(drops, 2);
    // A column keeps its colour as it moves.
    Canvas moved(8, 1, {});
    columns.erase(columns.begin());
    draw_stack(moved, {0, 0, 8, 1}, columns, 100);
    for (int x = 0; x < 7; ++x) {
        EXPECT_EQ(moved.at(x, 0).style.ink, canvas.at(x + 1, 0).style.ink);
    }
}

TEST_F(Stack, WithoutEighthsALineStillHasLevels) {
    Canvas canvas(2, 1, {Glyphs::kHalves, true});
    draw_stack(canvas, {0, 0, 2, 1}, std::vector{column(0, 100), column(0, 1)}, 100);
    EXPECT_EQ(line_of(canvas, 0), "#.");
}

TEST_F(Stack, HalfBlocksDoWhereThereAreNoEighths) {
    Canvas canvas(2, 2, {Glyphs::kHalves, true});
    draw_stack(canvas, {0, 0, 2, 2}, std::vector{column(0, 11), column(0, 16)}, 16);
    EXPECT_THAT(lines_of(canvas), ElementsAre("▄█", "██"));
}

}  // namespace
}  // namespace tally::stats
