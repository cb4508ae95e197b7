// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/heat_strip.h"

#include <fmt/format.h>

#include <algorithm>

#include "stats/live/paint/stack.h"

namespace tally::stats {
namespace {

bool less(const Heat& a, const Heat& b) {
    return a.value < b.value;
}

int divide_up(int a, int b) {
    return (a + b - 1) / b;
}

}  // namespace

HeatLayout lay_out_heat(int values, int width, int most_lines) {
    HeatLayout layout;
    layout.label = static_cast<int>(fmt::formatted_size("{}", std::max(values - 1, 0))) + 1;
    const int room = std::max(width - layout.label, 1);
    if (values <= 0 || most_lines <= 0) {
        return layout;
    }
    while (divide_up(values, layout.each) > room * most_lines) {
        layout.each *= 2;
    }
    const int characters = divide_up(values, layout.each);
    constexpr int kGroup = 8;
    layout.per_line = characters <= room ? characters : std::max(room / kGroup * kGroup, 1);
    layout.lines = std::min(divide_up(characters, layout.per_line), most_lines);
    return layout;
}

void draw_heat(Canvas& canvas, const Rect& rect, const HeatLayout& layout, const std::vector<Heat>& values) {
    const double most = values.empty() ? 0 : std::max_element(values.begin(), values.end(), less)->value;
    const auto each = static_cast<std::ptrdiff_t>(layout.each);
    auto from = values.begin();
    for (int line = 0; line < layout.lines && line < rect.height; ++line) {
        const int y = rect.y + line;
        canvas.write_right(rect.x + layout.label - 1, y, fmt::format("{}", from - values.begin()), kFaint);
        for (int at = 0; at < layout.per_line && from != values.end(); ++at) {
            const auto to = values.end() - from > each ? from + each : values.end();
            const Heat heat = *std::max_element(from, to, less);
            const int x = rect.x + layout.label + at;
            if (heat.value > 0) {
                draw_level(canvas, x, y, heat.value, most, {.ink = heat.ink});
            } else {
                canvas.set(x, y, canvas.unicode() ? U'·' : U',', kFaint);
            }
            from = to;
        }
    }
}

double unevenness(const std::vector<Heat>& values, std::size_t count) {
    double sum = 0;
    double most = 0;
    for (const Heat& heat : values) {
        sum += heat.value;
        most = std::max(most, heat.value);
    }
    return sum > 0 ? most * static_cast<double>(count) / sum : 0;
}

}  // namespace tally::stats
