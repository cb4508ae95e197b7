// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a canvas shows, as text.
#pragma once

#include <string>
#include <vector>

#include "stats/live/paint/canvas.h"

namespace tally::stats {

inline void append_utf8(std::string& text, char32_t symbol) {
    const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80U | (symbol >> shift & 0x3fU)); };
    if (symbol < 0x80) {
        text += static_cast<char>(symbol);
    } else if (symbol < 0x800) {
        text += static_cast<char>(0xc0U | symbol >> 6U);
        tail(0);
    } else if (symbol < 0x10000) {
        text += static_cast<char>(0xe0U | symbol >> 12U);
        tail(6);
        tail(0);
    } else {
        text += static_cast<char>(0xf0U | symbol >> 18U);
        tail(12);
        tail(6);
        tail(0);
    }
}

// Without the blanks at its end.
inline std::string line_of(const Canvas& canvas, int y) {
    std::string text;
    for (int x = 0; x < canvas.width(); ++x) {
        if (const char32_t symbol = canvas.at(x, y).symbol; symbol != 0) {
            append_utf8(text, symbol);
        }
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

inline std::vector<std::string> lines_of(const Canvas& canvas) {
    std::vector<std::string> lines;
    lines.reserve(static_cast<std::size_t>(canvas.height()));
    for (int y = 0; y < canvas.height(); ++y) {
        lines.push_back(line_of(canvas, y));
    }
    return lines;
}

// Without Unicode and colours.
inline constexpr Look kPlainLook = {Glyphs::kAscii, false};

}  // namespace tally::stats
