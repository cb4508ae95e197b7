// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/plot.h"

#include <algorithm>
#include <cmath>

#include "stats/live/paint/axis.h"

namespace tally::stats {
namespace {

// The value of a label is at the upper edge of its line; 0 is on the axis.
void draw_upright_axis(Canvas& canvas, const Rect& area, double end) {
    const bool unicode = canvas.unicode();
    const int left = area.x - 1;
    for (int y = area.y; y < area.bottom(); ++y) {
        canvas.set(left, y, unicode ? U'│' : U'|', kFaint);
    }
    const int parts = axis_parts(end, area.height);
    for (int part = 1; part <= parts; ++part) {
        const int y =
            area.bottom() - static_cast<int>(std::lround(static_cast<double>(area.height) * part / parts));
        canvas.write_right(left - 1, y, axis_label(end * part / parts), kFaint);
        canvas.set(left, y, unicode ? U'┤' : U'+', kFaint);
        // At the top it would be taken for the line above.
        const bool line = canvas.look().glyphs == Glyphs::kEighths && part < parts;
        for (int x = area.x; line && x < area.right(); x += 2) {
            canvas.set(x, y, U'▔', kFaint);
        }
    }
    canvas.write_right(left - 1, area.bottom(), "0", kFaint);
    canvas.set(left, area.bottom(), unicode ? U'└' : U'+', kFaint);
    for (int x = area.x; x < area.right(); ++x) {
        canvas.set(x, area.bottom(), unicode ? U'─' : U'-', kFaint);
    }
}

// A label below the axis, unless it would touch another.
class TimeLabels {
  public:
    TimeLabels(Canvas& canvas, const Rect& area) : canvas_(canvas), area_(area) {}

    void put(double column, const std::string& text, Style style) {
        const int width = canvas_.width_of(text);
        const int middle = area_.x + static_cast<int>(std::floor(column));
        const int x = std::clamp(middle - width / 2, area_.x, std::max(area_.right() - width, area_.x));
        for (int at = x - 1; at <= x + width; ++at) {
            if (at >= area_.x && at < area_.right() && canvas_.at(at, line()).symbol != U' ') {
                return;
            }
        }
        canvas_.write(x, line(), text, style, area_.right());
    }

  private:
    int line() const { return area_.bottom() + 1; }

    Canvas& canvas_;
    const Rect area_;
};

void draw_times(Canvas& canvas, const Rect& area, const Plot& plot) {
    const bool unicode = canvas.unicode();
    TimeLabels labels(canvas, area);
    const auto inside = [&](double column) { return column >= 0 && column < area.width; };
    const auto x_of = [&](double column) { return area.x + static_cast<int>(std::floor(column)); };
    if (plot.cursor) {
        labels.put(static_cast<double>(*plot.cursor), plot.cursor_text, {.bold = true, .reverse = true});
    }
    for (const PlotTick& mark : plot.marks) {
        if (inside(mark.column)) {
            labels.put(mark.column, mark.text, kBold);
            canvas.set(x_of(mark.column), area.bottom(), unicode ? U'▲' : U'^', kBold);
        }
    }
    for (const PlotTick& tick : plot.times) {
        if (!inside(tick.column)) {
            continue;
        }
        labels.put(tick.column, tick.text, kFaint);
        const int x = x_of(tick.column);
        if (const char32_t there = canvas.at(x, area.bottom()).symbol; there != U'▲' && there != U'^') {
            canvas.set(x, area.bottom(), unicode ? U'┬' : U'+', kFaint);
        }
    }
}

// Beside the latest column.
void draw_letters(Canvas& canvas, const Rect& area, const Plot& plot) {
    const auto last = std::find_if(plot.columns.rbegin(), plot.columns.rend(),
                                   [](const StackColumn& column) { return column.known; });
    if (last == plot.columns.rend()) {
        return;
    }
    constexpr int kUnits = 8;  // of a line
    const auto units = stack_units(*last, plot.end, area.height * kUnits);
    int below = 0;
    int free = area.bottom() - 1;
    for (const std::size_t action : kStackOrder) {
        if (units.at(action) == 0) {
            continue;
        }
        const int middle = area.bottom() - 1 - (below + units.at(action) / 2) / kUnits;
        const int y = std::min(middle, free);
        below += units.at(action);
        free = y - 1;
        if (y >= area.y) {
            canvas.set(area.right() + 1, y, static_cast<char32_t>(kVerdictLetters.at(action)),
                       {.ink = ink_of(action), .bold = true});
        }
    }
}

void draw_cursor(Canvas& canvas, const Rect& area, std::size_t column) {
    const int x = area.x + static_cast<int>(column);
    for (int y = area.y; x < area.right() && y < area.bottom(); ++y) {
        canvas.set(x, y, canvas.unicode() ? U'│' : U'|', kBold);
    }
}

}  // namespace

std::size_t plot_columns(int width) {
    return static_cast<std::size_t>(std::max(width - kAxisWidth - kLetterWidth, 0));
}

void draw_plot(Canvas& canvas, const Rect& rect, const Plot& plot) {
    const Rect area = {rect.x + kAxisWidth, rect.y, rect.width - kAxisWidth - kLetterWidth,
                       rect.height - kAxisHeight};
    if (area.width < 1 || area.height < 1) {
        return;
    }
    draw_upright_axis(canvas, area, plot.end);
    draw_stack(canvas, area, plot.columns, plot.end);
    draw_times(canvas, area, plot);
    draw_letters(canvas, area, plot);
    if (plot.cursor) {
        draw_cursor(canvas, area, *plot.cursor);
    }
}

}  // namespace tally::stats
