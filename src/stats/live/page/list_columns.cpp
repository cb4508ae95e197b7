// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/list_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "stats/live/page/numbers_text.h"
#include "stats/live/paint/axis.h"

namespace tally::stats {
namespace {

constexpr int kRoomy = 130;  // columns from which gaps are wider
constexpr int kMarks = 2;    // columns before the name
constexpr int kLeastCurve = 10;
constexpr int kPeak = 6;

// What the widest of each takes.
struct Widths {
    int title = 6;
    int name = 6;
    int netns = 5;
    int state = 8;
    int program = 7;
    int mode = 6;
    bool any_netns = false;
    bool any_tracked = false;
    bool any_cost = false;
};

Widths widths_of(const Canvas& canvas, const SourceList& list) {
    Widths widths;
    const auto widen = [&](int& width, std::string_view text) {
        width = std::max(width, canvas.width_of(text));
    };
    for (const Listed& one : list.order) {
        const ScreenSource& source = *one.source;
        widen(widths.title, title_with_place(source.report));
        widen(widths.name, name_without_netns(source));
        widen(widths.state, state_text(source, one.trouble));
        if (source.report.netns) {
            widths.any_netns = true;
            widen(widths.netns, *source.report.netns);
        }
        if (source.report.program) {
            widen(widths.program, source.report.program->name);
            widen(widths.mode, source.report.program->mode);
        }
        widths.any_tracked = widths.any_tracked || source.report.delivery.tracked;
        widths.any_cost = widths.any_cost || source.report.cost.has_value();
    }
    return widths;
}

void grant_all(ListColumns& columns, ColumnRoom& room, const Widths& widths, const LiveChoice& choice) {
    constexpr int kDrop = 7;
    constexpr int kCost = 6;
    constexpr int kPackets = 15;
    const bool raw = choice.units == Units::kRaw;
    room.grant(columns.state, widths.state);
    room.grant(columns.pps, raw ? 10 : kScaledColumns);
    room.grant(columns.drop, kDrop);
    const int peak = choice.own_scale ? kPeak + columns.gap : 0;
    room.grant(columns.curve, peak + kLeastCurve);
    if (columns.curve.width > 0 && choice.own_scale) {
        columns.peak.width = kPeak;
        columns.curve.width -= peak;
    }
    // Somebody asked for these.
    if (widths.any_tracked) {
        room.grant(columns.lost, kScaledColumns);
    }
    if (widths.any_cost) {
        room.grant(columns.cost, kCost);
    }
    room.grant(columns.bps, raw ? 13 : kScaledColumns);
    room.grant(columns.program, widths.program);
    if (widths.any_tracked) {
        room.grant(columns.lost_rate, kScaledColumns);
    }
    room.grant(columns.mode, widths.mode);
    room.grant(columns.packets, kPackets);
}

}  // namespace

void ColumnRoom::grant(Column& column, int width) {
    if (left_ >= width + gap_) {
        left_ -= width + gap_;
        column.width = width;
    }
}

void place_columns(int x, int gap, std::initializer_list<Column*> columns) {
    for (Column* const column : columns) {
        if (column->width > 0) {
            column->end = x + column->width;
            x = column->end + gap;
        }
    }
}

ListColumns lay_out_list(const Canvas& canvas, const Rect& rect, const SourceList& list,
                         const LiveChoice& choice) {
    const Widths widths = widths_of(canvas, list);
    ListColumns columns;
    columns.gap = rect.width >= kRoomy ? 2 : 1;
    ColumnRoom room(rect.width - kMarks + columns.gap, columns.gap);
    const int room_for_names = rect.width - kMarks;
    columns.titles = widths.any_netns && widths.name + columns.gap + widths.netns > room_for_names / 2;
    room.grant(columns.name, std::min(columns.titles ? widths.title : widths.name, room_for_names));
    if (widths.any_netns && !columns.titles) {
        room.grant(columns.netns, widths.netns);
    }
    grant_all(columns, room, widths, choice);
    columns.curve.width += columns.curve.width > 0 ? room.left() : 0;
    place_columns(rect.x + kMarks, columns.gap,
                  {&columns.name, &columns.netns, &columns.state, &columns.program, &columns.mode,
                   &columns.packets, &columns.pps, &columns.bps, &columns.drop, &columns.lost,
                   &columns.lost_rate, &columns.cost, &columns.peak, &columns.curve});
    return columns;
}

void write_list_titles(Canvas& canvas, int y, const ListColumns& columns, const LiveChoice& choice,
                       const CurveScale& scale) {
    const auto style_of = [&](Sort sort) { return choice.sort == sort ? kBold : kFaint; };
    const auto left = [&](const Column& column, std::string_view text, Style style = kFaint) {
        if (column.there()) {
            canvas.write(column.begin(), y, text, style, column.end);
        }
    };
    const auto right = [&](const Column& column, std::string_view text, Style style = kFaint) {
        if (column.there()) {
            canvas.write_right(column.end, y, text, style);
        }
    };
    left(columns.name, "DEVICE", style_of(Sort::kName));
    left(columns.netns, "NETNS");
    left(columns.state, "STATE");
    left(columns.program, "PROGRAM", style_of(Sort::kProgram));
    left(columns.mode, "MODE");
    right(columns.packets, "PACKETS");
    right(columns.pps, "PKT/S", style_of(Sort::kPackets));
    right(columns.bps, choice.units == Units::kBytes ? "BYTE/S" : "BIT/S");
    right(columns.drop, "DROP", style_of(Sort::kDrops));
    right(columns.lost, "LOST");
    right(columns.lost_rate, "LOST/S");
    right(columns.cost, "NS/PKT");
    right(columns.peak, "UP TO");
    if (!columns.curve.there()) {
        return;
    }
    const std::string window = span_text(scale.window);
    const std::string end =
        choice.own_scale ? "each its own" : fmt::format("0 to {} pkt/s", axis_label(scale.end));
    const std::string short_end =
        choice.own_scale ? "own scale" : fmt::format("to {}", axis_label(scale.end));
    for (const std::string& text :
         {fmt::format("last {}, {}", window, end), fmt::format("{}, {}", window, short_end), short_end}) {
        if (canvas.width_of(text) <= columns.curve.width) {
            canvas.write(columns.curve.begin(), y, text, kFaint);
            break;
        }
    }
}

std::string listed_name(const ScreenSource& source, const ListColumns& columns) {
    return columns.netns.there() ? name_without_netns(source) : title_with_place(source.report);
}

}  // namespace tally::stats
