// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/stack.h"

#include <linux/bpf.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <vector>

namespace tally::stats {
namespace {

constexpr int kEighth = 8;  // of a cell's height, in units

constexpr std::u32string_view kBlocks = U" ▁▂▃▄▅▆▇█";
constexpr std::u32string_view kDense = U" .:-=+*#";

using CellUnits = std::array<Ink, kEighth>;  // from the bottom

// A cell has two colours: below a line, and above it.
struct CellColours {
    int line = 0;  // units below it
    Ink below = Ink::kPlain;
    Ink above = Ink::kPlain;
};

Ink most_common(const CellUnits& cell, int from, int to) {
    Ink best = Ink::kPlain;
    std::ptrdiff_t most = 0;
    for (int at = from; at < to; ++at) {
        const Ink ink = cell.at(static_cast<std::size_t>(at));
        const auto count = std::count(cell.begin() + from, cell.begin() + to, ink);
        if (count > most) {
            most = count;
            best = ink;
        }
    }
    return best;
}

// What deviates least from three or more colours. Blank below a colour cannot be shown.
CellColours two_colours(const CellUnits& cell, int step) {
    CellColours best;
    std::ptrdiff_t fewest = kEighth + 1;
    for (int line = 0; line <= kEighth; line += step) {
        const Ink below = most_common(cell, 0, line);
        const Ink above = most_common(cell, line, kEighth);
        if (below == Ink::kPlain && above != Ink::kPlain && line > 0) {
            continue;
        }
        const auto right = std::count(cell.begin(), cell.begin() + line, below) +
                           std::count(cell.begin() + line, cell.end(), above);
        if (kEighth - right < fewest) {
            fewest = kEighth - right;
            best = {line, below, above};
        }
    }
    return best;
}

void draw_blocks(Canvas& canvas, int x, int y, const CellUnits& cell) {
    const int step = canvas.look().glyphs == Glyphs::kEighths ? 1 : kEighth / 2;
    const CellColours colours = two_colours(cell, step);
    if (colours.line == 0 && colours.above != Ink::kPlain) {
        canvas.set(x, y, kBlocks.back(), {.ink = colours.above});
    } else if (colours.line > 0 && colours.below != Ink::kPlain) {
        canvas.set(x, y, kBlocks[static_cast<std::size_t>(colours.line)],
                   {.ink = colours.below, .back = colours.above});
    }
}

// Half of a cell is enough for a letter.
void draw_letter(Canvas& canvas, int x, int y, const CellUnits& cell) {
    const Ink ink = most_common(cell, 0, kEighth);
    if (is_verdict(ink)) {
        canvas.set(x, y, static_cast<char32_t>(kVerdictLetters.at(action_of(ink))), {.ink = ink});
    }
}

void draw_column(Canvas& canvas, int x, const Rect& rect, const StackColumn& column, double end) {
    const auto units = stack_units(column, end, rect.height * kEighth);
    std::vector<Ink> inks(static_cast<std::size_t>(rect.height) * kEighth, Ink::kPlain);
    auto next = inks.begin();
    for (const std::size_t action : kStackOrder) {
        next = std::fill_n(next, units[action], ink_of(action));
    }
    const bool letters = !canvas.colour() || !canvas.unicode();
    for (int row = 0; row < rect.height; ++row) {
        CellUnits cell;
        std::copy_n(inks.begin() + static_cast<std::ptrdiff_t>(row) * kEighth, kEighth, cell.begin());
        const int y = rect.bottom() - 1 - row;
        if (letters) {
            draw_letter(canvas, x, y, cell);
        } else {
            draw_blocks(canvas, x, y, cell);
        }
    }
}

// 1/16, 9/16, 5/16, ...: of any stretch of columns, the part below a share is about that share.
double threshold(std::int64_t number) {
    constexpr std::array<double, 8> kOrder = {1, 9, 5, 13, 3, 11, 7, 15};
    return kOrder.at(static_cast<std::size_t>(number & 7)) / 16;
}

Ink ink_of_column(const StackColumn& column) {
    const double at = threshold(column.number) * column.total();
    double below = 0;
    for (const std::size_t action : kStackOrder) {
        below += column.values[action];
        if (at < below) {
            return ink_of(action);
        }
    }
    return Ink::kPlain;
}

}  // namespace

double StackColumn::total() const {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

std::array<int, kActions> stack_units(const StackColumn& column, double end, int height) {
    std::array<int, kActions> units = {};
    const double total = column.total();
    if (!(total > 0) || !(end > 0)) {
        return units;
    }
    const int all = std::clamp(static_cast<int>(std::lround(total / end * height)), 1, height);
    double below = 0;
    int filled = 0;
    for (const std::size_t action : kStackOrder) {
        below += column.values[action];
        const int top = std::clamp(static_cast<int>(std::lround(below / total * all)), filled, all);
        units[action] = top - filled;
        filled = top;
    }
    for (const std::size_t action : {std::size_t{XDP_DROP}, std::size_t{XDP_ABORTED}}) {
        auto* const largest = std::max_element(units.begin(), units.end());
        if (column.values[action] > 0 && units[action] == 0 && *largest > 1) {
            --*largest;
            ++units[action];
        }
    }
    return units;
}

void draw_level(Canvas& canvas, int x, int y, double value, double end, Style style) {
    if (!(value > 0) || !(end > 0)) {
        return;
    }
    // The full block would touch the line above, and half blocks alone have no steps.
    const bool blocks = canvas.look().glyphs == Glyphs::kEighths;
    const std::u32string_view steps = blocks ? kBlocks.substr(0, kEighth) : kDense;
    const auto count = static_cast<double>(steps.size() - 1);
    const double step = std::clamp(std::round(value / end * count), 1.0, count);
    canvas.set(x, y, steps[static_cast<std::size_t>(step)], style);
}

void draw_stack(Canvas& canvas, const Rect& rect, std::span<const StackColumn> columns, double end) {
    int x = rect.x;
    for (const StackColumn& column : columns) {
        if (x >= rect.right()) {
            return;
        }
        if (rect.height == 1) {
            draw_level(canvas, x, rect.y, column.total(), end, {.ink = ink_of_column(column)});
        } else if (column.known) {
            draw_column(canvas, x, rect, column, end);
        }
        ++x;
    }
}

}  // namespace tally::stats
