// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A page of characters with styles. Pure: Screen draws it on a terminal.
#pragma once

#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

namespace tally::stats {

// What a colour says. The verdicts are in the order of enum xdp_action.
enum class Ink : unsigned char { kPlain, kAborted, kDrop, kPass, kTx, kRedirect, kGood, kWarning };

inline Ink ink_of(std::size_t action) {
    return static_cast<Ink>(static_cast<std::size_t>(Ink::kAborted) + action);
}

struct Style {
    Ink ink = Ink::kPlain;
    bool bold = false;
    bool dim = false;
    bool reverse = false;

    bool operator==(const Style&) const = default;
};

struct Cell {
    char32_t symbol = U' ';  // 0: the right half of a wide character
    Style style;
};

class Canvas {
  public:
    // Without `unicode` everything but ASCII becomes '?'.
    Canvas(int width, int height, bool unicode);

    int width() const { return width_; }
    int height() const { return height_; }
    bool unicode() const { return unicode_; }

    // UTF-8, cut at `end` (a column) and at the edge. A control character, or what is not UTF-8, becomes
    // '?'. The column after the last character.
    int write(int x, int y, std::string_view text, Style style = {},
              int end = std::numeric_limits<int>::max());
    // The same, with an ellipsis where it had to be cut.
    int write_cut(int x, int y, std::string_view text, Style style, int end);
    // Ends before the column `end`.
    void write_right(int end, int y, std::string_view text, Style style = {});
    void set(int x, int y, char32_t symbol, Style style);
    // A whole line in reverse.
    void mark(int y);

    const Cell& at(int x, int y) const { return cells_[index(x, y)]; }

  private:
    std::size_t index(int x, int y) const {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x);
    }

    int width_;
    int height_;
    bool unicode_;
    std::vector<Cell> cells_;
};

// How many columns a text takes; the first argument as for Canvas.
int text_width(bool unicode, std::string_view text);

}  // namespace tally::stats
