// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A page of characters with styles. Pure: Screen draws it on a terminal.
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

#include "stats/live/paint/palette.h"

namespace tally::stats {

// A verdict's ink in bold is its letter, which is written on the verdict's colour.
struct Style {
    Ink ink = Ink::kPlain;
    Ink back = Ink::kPlain;  // behind the character: kPlain or a verdict's
    bool bold = false;
    bool reverse = false;

    bool operator==(const Style&) const = default;
};

inline constexpr Style kFaint = {.ink = Ink::kFaint};
inline constexpr Style kBold = {.bold = true};
inline constexpr Style kAlarm = {.ink = Ink::kAlarm};
inline constexpr Style kWarning = {.ink = Ink::kWarning};

// Which characters there are beside ASCII.
enum class Glyphs {
    kAscii,    // none
    kHalves,   // half blocks: the kernel's console
    kEighths,  // blocks in eighths
};

// What the terminal can show.
struct Look {
    Glyphs glyphs = Glyphs::kEighths;
    bool colour = true;
};

struct Rect {
    int x = 0;
    int y = 0;
    int width = 0;
    int height = 0;

    int right() const { return x + width; }  // the first column behind it
    int bottom() const { return y + height; }
};

struct Cell {
    char32_t symbol = U' ';  // 0: the right half of a wide character
    Style style;
};

class Canvas {
  public:
    // Where the look has no more than ASCII, everything else becomes '?'.
    Canvas(int width, int height, Look look);

    int width() const { return width_; }
    int height() const { return height_; }
    Look look() const { return look_; }
    bool unicode() const { return look_.glyphs != Glyphs::kAscii; }
    bool colour() const { return look_.colour; }

    // UTF-8, cut at `end` (a column) and at the edge. A control character, or what is not UTF-8, becomes
    // '?'. The column after the last character.
    int write(int x, int y, std::string_view text, Style style = {},
              int end = std::numeric_limits<int>::max());
    // The same, with an ellipsis where it had to be cut.
    int write_cut(int x, int y, std::string_view text, Style style, int end);
    // Ends before the column `end`.
    void write_right(int end, int y, std::string_view text, Style style = {});
    void set(int x, int y, char32_t symbol, Style style);
    void fill(const Rect& rect, char32_t symbol, Style style);

    const Cell& at(int x, int y) const { return cells_[index(x, y)]; }

    // How many columns a text takes.
    int width_of(std::string_view text) const;

  private:
    std::size_t index(int x, int y) const {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x);
    }

    int width_;
    int height_;
    Look look_;
    std::vector<Cell> cells_;
};

// How many bytes of a text take no more than so many columns, on any canvas. At least one character.
std::size_t head_of(std::string_view text, int columns);

// The letter of a verdict in its colour, and the text, which begins with its name. The column after it.
int write_with_letter(Canvas& canvas, int x, int y, std::size_t action, std::string_view text, int end);

}  // namespace tally::stats
