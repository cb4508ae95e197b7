// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/canvas.h"

#include <gmock/gmock.h>

#include <clocale>

#include "stats/live/paint/canvas_line.h"

namespace tally::stats {
namespace {

class CanvasTest : public testing::Test {
  protected:
    // How wide a character is, the C library knows from the locale.
    static void SetUpTestSuite() { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    static void TearDownTestSuite() { std::setlocale(LC_CTYPE, "C"); }
};

TEST_F(CanvasTest, TextStandsWhereItWasPut) {
    Canvas canvas(10, 2, {});
    EXPECT_EQ(canvas.write(2, 1, "veth0"), 7);
    canvas.write_right(10, 0, "12");
    EXPECT_EQ(line_of(canvas, 0), "        12");
    EXPECT_EQ(line_of(canvas, 1), "  veth0");
}

TEST_F(CanvasTest, TextIsCut) {
    Canvas canvas(8, 3, {});
    EXPECT_EQ(canvas.write(5, 0, "veth0"), 8);
    EXPECT_EQ(canvas.write_cut(0, 1, "interface0", {}, 6), 6);
    EXPECT_EQ(canvas.write_cut(0, 2, "inter0", {}, 6), 6);
    EXPECT_EQ(line_of(canvas, 0), "     vet");
    EXPECT_EQ(line_of(canvas, 1), "inter…");
    EXPECT_EQ(line_of(canvas, 2), "inter0");
    Canvas plain(8, 1, {Glyphs::kAscii, false});
    plain.write_cut(0, 0, "interface0", {}, 6);
    EXPECT_EQ(line_of(plain, 0), "inter~");
}

TEST_F(CanvasTest, NothingReachesTheTerminalThatItMightObey) {
    Canvas canvas(30, 1, {});
    // A control character, a C1 control as a byte and as UTF-8, a cut sequence, a combining accent.
    canvas.write(0, 0,
                 "a\x1b[b\x9b"
                 "c\xc2\x9b"
                 "d\xe2\x96"
                 "e\xcc\x81");
    EXPECT_EQ(line_of(canvas, 0), "a?[b?c?d??e?");
}

TEST_F(CanvasTest, WithoutUnicodeThereIsAsciiOnly) {
    Canvas canvas(10, 1, {Glyphs::kAscii, false});
    EXPECT_EQ(canvas.write(0, 0, "a·ü中"), 4);
    EXPECT_EQ(line_of(canvas, 0), "a???");
    EXPECT_EQ(canvas.width_of("a·ü中"), 4);
}

TEST_F(CanvasTest, WideCharactersTakeTwoColumns) {
    Canvas canvas(4, 2, {});
    EXPECT_EQ(canvas.width_of("中a中"), 5);
    EXPECT_EQ(canvas.write(0, 0, "中a中"), 3) << "half a character is none";
    EXPECT_EQ(line_of(canvas, 0), "中a");
    EXPECT_EQ(canvas.at(1, 0).symbol, U'\0');
}

TEST_F(CanvasTest, TextsAreDividedBetweenCharacters) {
    const std::string text = "a\xc3\xbc中中";
    for (const auto& [columns, bytes] : {std::pair{1, 1}, {2, 3}, {3, 3}, {4, 6}, {5, 6}, {6, 9}, {7, 9}}) {
        EXPECT_EQ(head_of(text, columns), static_cast<std::size_t>(bytes)) << columns;
    }
    EXPECT_EQ(head_of("中", 1), 3U) << "who folds gets on, however narrow it is";
    EXPECT_EQ(head_of("", 5), 0U);
}

TEST_F(CanvasTest, WhatIsOutsideIsLeftOut) {
    Canvas canvas(3, 1, {});
    canvas.set(-1, 0, U'x', {});
    canvas.set(0, -1, U'x', {});
    canvas.set(3, 0, U'x', {});
    canvas.set(0, 1, U'x', {});
    canvas.fill({1, 1, 1, 1}, U'x', {});
    EXPECT_EQ(line_of(canvas, 0), "");
    Canvas none(0, 0, {});
    none.write(0, 0, "x");
    Canvas negative(-1, -1, {});
    EXPECT_EQ(negative.width(), 0);
}

TEST_F(CanvasTest, Utf8HasOneToFourBytes) {
    std::string text;
    for (const char32_t symbol : {U'a', U'ü', U'▁', U'\U0001F600'}) {
        append_utf8(text, symbol);
    }
    EXPECT_EQ(text, "aü▁\U0001F600");
}

}  // namespace
}  // namespace tally::stats
