// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/canvas.h"

#include <algorithm>
#include <cwchar>

namespace tally::stats {
namespace {

constexpr char32_t kUnknown = U'?';

// Takes the next character off the text; kUnknown for a byte that is not part of one.
char32_t take_character(std::string_view& text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(0);
    std::size_t size = 1;
    char32_t symbol = first;
    if (first >= 0xc2 && first < 0xf5) {
        size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        symbol = first & (0x7fU >> size);
    } else if (first >= 0x80) {
        symbol = kUnknown;
    }
    for (std::size_t at = 1; at < size; ++at) {
        if (at >= text.size() || (byte(at) & 0xc0U) != 0x80U) {
            size = 1;
            symbol = kUnknown;
            break;
        }
        symbol = symbol << 6U | (byte(at) & 0x3fU);
    }
    text.remove_prefix(size);
    return symbol;
}

struct Shown {
    char32_t symbol = kUnknown;
    int width = 1;
};

Shown show(char32_t symbol, bool unicode) {
    if (symbol >= 0x20 && symbol < 0x7f) {
        return {symbol, 1};
    }
    // wcwidth() is -1 for control characters and 0 for combining ones.
    const int width = unicode && symbol >= 0xa0 ? ::wcwidth(static_cast<wchar_t>(symbol)) : -1;
    return width < 1 ? Shown() : Shown{symbol, width};
}

}  // namespace

Canvas::Canvas(int width, int height, Look look)
    : width_(std::max(width, 0)),
      height_(std::max(height, 0)),
      look_(look),
      cells_(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_)) {}

int Canvas::write(int x, int y, std::string_view text, Style style, int end) {
    end = std::min(end, width_);
    while (!text.empty()) {
        const Shown shown = show(take_character(text), unicode());
        if (x + shown.width > end) {
            break;
        }
        set(x, y, shown.symbol, style);
        if (shown.width == 2) {
            set(x + 1, y, 0, style);
        }
        x += shown.width;
    }
    return x;
}

int Canvas::write_cut(int x, int y, std::string_view text, Style style, int end) {
    end = std::min(end, width_);
    if (x + width_of(text) <= end) {
        return write(x, y, text, style, end);
    }
    x = write(x, y, text, style, end - 1);
    return write(x, y, unicode() ? "…" : "~", style, end);
}

void Canvas::write_right(int end, int y, std::string_view text, Style style) {
    write(std::max(end - width_of(text), 0), y, text, style, end);
}

void Canvas::set(int x, int y, char32_t symbol, Style style) {
    if (x >= 0 && x < width_ && y >= 0 && y < height_) {
        cells_[index(x, y)] = {symbol, style};
    }
}

void Canvas::fill(const Rect& rect, char32_t symbol, Style style) {
    for (int y = rect.y; y < rect.bottom(); ++y) {
        for (int x = rect.x; x < rect.right(); ++x) {
            set(x, y, symbol, style);
        }
    }
}

int Canvas::width_of(std::string_view text) const {
    int width = 0;
    while (!text.empty()) {
        width += show(take_character(text), unicode()).width;
    }
    return width;
}

std::size_t head_of(std::string_view text, int columns) {
    std::string_view left = text;
    std::size_t bytes = 0;
    while (!left.empty()) {
        columns -= show(take_character(left), true).width;
        if (columns < 0 && bytes > 0) {
            break;
        }
        bytes = text.size() - left.size();
    }
    return bytes;
}

int write_with_letter(Canvas& canvas, int x, int y, std::size_t action, std::string_view text, int end) {
    canvas.set(x, y, static_cast<char32_t>(kVerdictLetters.at(action)),
               {.ink = ink_of(action), .bold = true});
    return canvas.write(x + 2, y, text, {}, end);
}

}  // namespace tally::stats
