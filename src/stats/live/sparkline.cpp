// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/sparkline.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace tally::stats {
namespace {

constexpr std::u32string_view kBlocks = U"▁▂▃▄▅▆▇█";
constexpr std::u32string_view kPlain = U".:-=+*#";
constexpr std::u32string_view kBarParts = U"▏▎▍▌▋▊▉█";

char32_t symbol_of(double value, double most, std::u32string_view steps) {
    if (!(value > 0)) {  // also NaN
        return U' ';
    }
    const auto count = static_cast<double>(steps.size());
    const double step = std::clamp(std::ceil(value / most * count), 1.0, count);
    return steps[static_cast<std::size_t>(step) - 1];
}

}  // namespace

void draw_sparkline(Canvas& canvas, int x, int y, std::span<const double> values, Style style) {
    double most = 0;
    for (const double value : values) {
        most = value > most ? value : most;
    }
    for (const double value : values) {
        canvas.set(x++, y, symbol_of(value, most, canvas.unicode() ? kBlocks : kPlain), style);
    }
}

void draw_bar(Canvas& canvas, int x, int y, int width, double value, double most, Style style) {
    const double columns = most > 0 ? std::clamp(value / most, 0.0, 1.0) * width : 0;
    for (int column = 0; column < width; ++column) {
        const double part = std::min(columns - column, 1.0);
        char32_t symbol = U' ';
        if (canvas.unicode()) {
            symbol = symbol_of(part, 1, kBarParts);
        } else if (part >= 0.5 || (column == 0 && part > 0)) {
            symbol = U'=';
        }
        canvas.set(x + column, y, symbol, style);
    }
}

}  // namespace tally::stats
