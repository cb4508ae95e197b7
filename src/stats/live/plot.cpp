// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

constexpr char32_t kBrailleBlank = 0x2800;
// The bits of a Braille character's dots, by column and line.
constexpr std::array<std::array<unsigned, 4>, 2> kDots = {
    {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}};

// The area inside the axes, and its resolution.
struct Field {
    Rect cells;
    int dots_across = 1;  // in one cell
    int dots_down = 1;
    double end = 1;  // of the axis

    // Counted from the bottom.
    int height_of(double value) const {
        const int steps = cells.height * dots_down - 1;
        return std::clamp(static_cast<int>(std::lround(value / end * steps)), 0, steps);
    }
};

void draw_axes(Canvas& canvas, const Field& field, const std::string& since) {
    const bool unicode = canvas.unicode();
    const Style faint = {.dim = true};
    const Rect& cells = field.cells;
    const int left = cells.x - 1;
    const int bottom = cells.y + cells.height;
    for (int y = cells.y; y < bottom; ++y) {
        canvas.set(left, y, unicode ? U'│' : U'|', faint);
    }
    const auto tick = [&](int y, double value) {
        canvas.write_right(left - 1, y, axis_label(value), faint);
        canvas.set(left, y, unicode ? U'┤' : U'+', faint);
    };
    tick(cells.y, field.end);
    if (cells.height >= 5 && cells.height % 2 == 1) {  // there is a line in the middle
        const int middle = cells.y + (cells.height - 1) / 2;
        tick(middle, field.end / 2);
    }
    tick(bottom - 1, 0);
    canvas.set(left, bottom, unicode ? U'└' : U'+', faint);
    for (int x = cells.x; x < cells.x + cells.width; ++x) {
        canvas.set(x, bottom, unicode ? U'─' : U'-', faint);
    }
    canvas.write(cells.x, bottom + 1, since, faint);
    canvas.write_right(cells.x + cells.width, bottom + 1, "now", faint);
}

void draw_dot(Canvas& canvas, const Field& field, int column, int height, Style style) {
    const int from_top = field.cells.height * 4 - 1 - height;
    const int x = field.cells.x + column / 2;
    const int y = field.cells.y + from_top / 4;
    const char32_t there = canvas.at(x, y).symbol;
    const char32_t dots = there >= kBrailleBlank && there < kBrailleBlank + 0x100 ? there : kBrailleBlank;
    const auto bit = kDots[static_cast<std::size_t>(column % 2)][static_cast<std::size_t>(from_top % 4)];
    canvas.set(x, y, dots | bit, style);
}

void draw_symbol(Canvas& canvas, const Field& field, int column, double value, const Series& series,
                 Style style) {
    const int y = field.cells.y + field.cells.height - 1 - field.height_of(value) / field.dots_down;
    canvas.set(field.cells.x + column / field.dots_across, y, series.symbol, style);
}

void draw_line(Canvas& canvas, const Field& field, const Series& series) {
    constexpr int kNone = -1;
    int before = kNone;
    int column = 0;
    for (const double value : series.values) {
        const int height = std::isnan(value) ? kNone : field.height_of(value);
        if (height != kNone) {
            // Steep slopes are drawn as one line.
            const int first = before == kNone || before == height ? height
                              : before < height                   ? before + 1
                                                                  : before - 1;
            for (int dot = std::min(first, height); dot <= std::max(first, height); ++dot) {
                draw_dot(canvas, field, column, dot, series.style);
            }
        }
        before = height;
        ++column;
    }
}

void draw_symbols(Canvas& canvas, const Field& field, const Series& series) {
    int column = 0;
    for (const double value : series.values) {
        if (!std::isnan(value)) {
            draw_symbol(canvas, field, column, value, series, series.style);
        }
        ++column;
    }
}

void draw_latest(Canvas& canvas, const Field& field, const Series& series) {
    for (std::size_t column = series.values.size(); column-- > 0;) {
        if (!std::isnan(series.values[column])) {
            Style style = series.style;
            style.bold = true;
            draw_symbol(canvas, field, static_cast<int>(column), series.values[column], series, style);
            return;
        }
    }
}

}  // namespace

std::size_t plot_columns(int width, Strokes strokes) {
    const int cells = std::max(width - kAxisWidth, 0);
    return static_cast<std::size_t>(strokes == Strokes::kBraille ? cells * 2 : cells);
}

double axis_end(double most) {
    if (!(most > 0)) {
        return 1;
    }
    const double power = std::pow(10, std::floor(std::log10(most)));
    for (const double factor : {1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0}) {
        // A rounding error must not lead to the next step.
        if (most <= factor * power * (1 + 1e-9)) {
            return factor * power;
        }
    }
    return 10 * power;
}

std::string axis_label(double value) {
    const Scaled scaled = scale(value, 999.5);
    return scaled.prefix == ' ' ? fmt::format("{:.3g}", scaled.value)
                                : fmt::format("{:.3g} {}", scaled.value, scaled.prefix);
}

void draw_plot(Canvas& canvas, const Rect& rect, std::span<const Series> series, Strokes strokes,
               const std::string& since) {
    Field field;
    field.cells = {rect.x + kAxisWidth, rect.y, rect.width - kAxisWidth, rect.height - kAxisHeight};
    if (field.cells.width < 1 || field.cells.height < 1) {
        return;
    }
    const bool braille = strokes == Strokes::kBraille;
    field.dots_across = braille ? 2 : 1;
    field.dots_down = braille ? 4 : 1;
    double most = 0;
    for (const Series& one : series) {
        for (const double value : one.values) {
            most = value > most ? value : most;
        }
    }
    field.end = axis_end(most);
    draw_axes(canvas, field, since);
    for (const Series& one : series) {
        if (braille) {
            draw_line(canvas, field, one);
        } else {
            draw_symbols(canvas, field, one);
        }
    }
    for (const Series& one : series) {
        if (braille) {
            draw_latest(canvas, field, one);
        }
    }
}

}  // namespace tally::stats
