// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/source_list.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>

#include "common/base/printable.h"
#include "common/pins/abi_names.h"
#include "stats/live/page/frame.h"
#include "stats/live/page/list_columns.h"
#include "stats/live/page/numbers_text.h"
#include "stats/live/page/shown_rates.h"
#include "stats/live/paint/axis.h"
#include "stats/live/paint/stack.h"

namespace tally::stats {
namespace {

// What a row needs beside itself.
struct ListLook {
    const ListColumns& columns;
    const LiveChoice& choice;
    const TimeColumns& times;
    double scale;  // of all curves
    double step;   // of the cursor
    int line_height;
};

void write_rate(Canvas& canvas, int y, const Column& column, double value, Units units, bool known,
                Style style) {
    if (!column.there()) {
        return;
    }
    if (!known) {
        canvas.write_right(column.end, y, units == Units::kRaw ? "-" : "-  ", kFaint);
        return;
    }
    canvas.write_right(column.end, y, rate_text(value, units, column.width), value > 0 ? style : kFaint);
}

void write_lost(Canvas& canvas, int y, const Column& column, const std::optional<std::uint64_t>& lost,
                Units units) {
    if (column.there()) {
        canvas.write_right(column.end, y, lost ? count_text(*lost, units, column.width) : "-",
                           lost && *lost > 0 ? kBold : kFaint);
    }
}

void write_text(Canvas& canvas, int y, const Column& column, const std::string& text, Style style) {
    if (column.there()) {
        canvas.write_cut(column.begin(), y, text, style, column.end);
    }
}

void write_rates(Canvas& canvas, int y, const ListLook& look, const ScreenSource& source,
                 std::size_t action) {
    const ShownRates rates = rates_shown(source, look.choice, look.step);
    const bool whole = action == kAllActions;
    const Style style = whole ? kBold : Style();
    const Units units = look.choice.units;
    const bool known = rates.moment.known;
    write_rate(canvas, y, look.columns.pps, rates.moment.of(action), units, known, style);
    const auto bps = whole ? std::optional(rates.moment.bps) : rates.bps.at(action);
    write_rate(canvas, y, look.columns.bps, in_units(bps.value_or(0), units), units, known && bps,
               whole ? Style() : style);
    if (look.columns.drop.there() && known && (whole || action == XDP_DROP)) {
        const double share = drop_share(rates.moment.pps[XDP_DROP], rates.moment.total());
        canvas.write_right(look.columns.drop.end, y, percent_text(share), share > 0 ? style : kFaint);
    }
}

void write_curve(Canvas& canvas, int y, const ListLook& look, const ScreenSource& source,
                 std::size_t action) {
    const Column& column = look.columns.curve;
    if (!column.there()) {
        return;
    }
    auto stack = stack_of(source, look.times);
    double end = look.scale;
    if (look.choice.own_scale) {
        end = axis_end(highest(stack));
        canvas.write_right(look.columns.peak.end, y, axis_label(end), kFaint);
    }
    if (action != kAllActions) {
        for (StackColumn& one : stack) {
            const double value = one.values.at(action);
            one.values = {};
            one.values.at(action) = value;
        }
    }
    const int height = action == kAllActions ? look.line_height : 1;
    if (height > 1) {
        // The upper eighth of a line stays free, so that curves never touch.
        end *= 1 + 1 / (8.0 * height - 1);
    }
    draw_stack(canvas, {column.begin(), y + 1 - height, column.width, height}, stack, end);
}

void write_source(Canvas& canvas, const Rect& rect, int y, const ListLook& look, const Listed& listed) {
    const ScreenSource& source = *listed.source;
    const ListColumns& columns = look.columns;
    const bool selected = look.choice.selected == source.number;
    const Style alarm = trouble_style(listed.trouble);
    if (selected) {
        canvas.set(rect.x, y, canvas.unicode() ? U'▸' : U'>', kBold);
    }
    if (listed.trouble != Trouble::kNone) {
        canvas.set(rect.x + 1, y, U'!', alarm);
    }
    write_text(canvas, y, columns.name, listed_name(source, columns),
               {.bold = !selected, .reverse = selected});
    write_text(canvas, y, columns.netns, printable(source.report.netns.value_or("")), {});
    write_text(canvas, y, columns.state, state_text(source, listed.trouble),
               listed.trouble < Trouble::kLost ? kFaint : alarm);
    if (source.report.program) {
        write_text(canvas, y, columns.program, printable(source.report.program->name), {});
        write_text(canvas, y, columns.mode, source.report.program->mode, kFaint);
    }
    if (columns.packets.there()) {
        const auto total = total_of(source, kAllActions);
        canvas.write_right(
            columns.packets.end, y,
            total ? count_text(total->rx_packets, look.choice.units, columns.packets.width) : "-",
            total && total->rx_packets > 0 ? Style() : kFaint);
    }
    const bool latest = shows_latest(source, look.choice);
    if (source.report.delivery.tracked) {
        write_lost(canvas, y, columns.lost, lost_of(source), look.choice.units);
        const auto& pps = source.report.delivery.lost_pps;
        write_rate(canvas, y, columns.lost_rate, pps.value_or(0), look.choice.units, latest && pps,
                   {.bold = true});
    }
    if (source.report.cost && columns.cost.there()) {
        const auto nanoseconds = latest ? source.report.cost->ns_per_run : std::nullopt;
        canvas.write_right(columns.cost.end, y, nanoseconds ? fmt::format("{:.0f}", *nanoseconds) : "-",
                           nanoseconds ? Style() : kFaint);
    }
}

void write_verdict(Canvas& canvas, const Rect& rect, int y, const ListLook& look, const ScreenSource& source,
                   std::size_t action) {
    const int x = rect.x + 4;
    const int end = look.columns.pps.there() ? look.columns.pps.begin() - 1 : rect.right();
    const int behind = write_with_letter(canvas, x, y, action, kShortActionNames.at(action), end);
    const auto total = total_of(source, action);
    constexpr int kNumber = 26;  // of 2^64 with its commas
    const auto number = [&](std::uint64_t count, std::string_view unit) {
        return fmt::format("{} {}{}", total ? count_text(count, look.choice.units, kNumber) : "-", unit,
                           total && count == 1 ? "" : "s");
    };
    const Counter known = total.value_or(Counter{});
    const std::string packets = number(known.rx_packets, "packet");
    const std::string bytes = number(known.rx_bytes, "byte");
    const int numbers = std::max(behind + 1, x + 11);
    const bool both = numbers + static_cast<int>(packets.size() + bytes.size()) + 2 <= end;
    canvas.write_cut(numbers, y, both ? packets + ", " + bytes : packets, {}, end);
}

// Scrolls as little as needed to show the lines of the selected source, at least its first.
void scroll(LiveChoice& choice, const std::vector<ListRow>& rows, int height) {
    int first = 0;
    int last = 0;
    for (int line = 0; line < static_cast<int>(rows.size()); ++line) {
        const ListRow& row = rows[static_cast<std::size_t>(line)];
        if (choice.selected == row.listed.source->number) {
            last = line;
            first = row.action == kAllActions ? line : first;
        }
    }
    const int most = std::max(static_cast<int>(rows.size()) - height, 0);
    choice.top = std::max(choice.top, last - height + 1);
    choice.top = std::clamp(std::min(choice.top, first), 0, most);
}

}  // namespace

std::vector<std::size_t> actions_to_show(const ScreenSource& source, bool all) {
    std::vector<std::size_t> actions;
    for (std::size_t action = 0; action < kActions; ++action) {
        if (all || !never_counted(source, action)) {
            actions.push_back(action);
        }
    }
    return actions;
}

std::vector<ListRow> list_rows(const SourceList& list, const LiveChoice& choice) {
    std::vector<ListRow> rows;
    rows.reserve(list.order.size());
    for (const Listed& listed : list.order) {
        rows.push_back({listed, kAllActions});
        if (choice.open.contains(listed.source->number)) {
            for (const std::size_t action : actions_to_show(*listed.source, choice.all_actions)) {
                rows.push_back({listed, action});
            }
        }
    }
    return rows;
}

void draw_source_list(Canvas& canvas, const Rect& rect, const SourceList& list, LiveChoice& choice,
                      const ViewContext& context, int line_height, DrawnPage& drawn) {
    const auto rows = list_rows(list, choice);
    const ListColumns columns = lay_out_list(canvas, rect, list, choice);
    const TimeColumns times =
        time_columns(context.now, context.window, static_cast<std::size_t>(std::max(columns.curve.width, 0)));
    const int height = rect.height - 1;
    scroll(choice, rows, height);
    const auto top =
        rows.begin() + std::min<std::ptrdiff_t>(choice.top, static_cast<std::ptrdiff_t>(rows.size()));
    double scale = 0;
    for (auto row = top; row != rows.end() && row - top < height; ++row) {
        if (row->action == kAllActions && times.count > 0) {
            scale = std::max(scale, highest(stack_of(*row->listed.source, times)));
        }
    }
    const ListLook look = {columns, choice, times, axis_end(scale), drawn.columns.step, line_height};
    write_list_titles(canvas, rect.y, columns, choice, {look.scale, context.window});
    drawn.sources = 0;
    drawn.list_end = rect.right();
    int y = rect.y + 1;
    for (auto row = top; row != rows.end(); ++row) {
        const ScreenSource& source = *row->listed.source;
        const int lines = row->action == kAllActions ? line_height : 1;
        if (y + lines > rect.bottom()) {
            break;
        }
        for (int line = 0; line < lines; ++line) {
            const int at = y + line;
            drawn.source_at.at(static_cast<std::size_t>(at)) = source.number;
        }
        y += lines - 1;
        if (row->action == kAllActions) {
            write_source(canvas, rect, y, look, row->listed);
            ++drawn.sources;
        } else {
            write_verdict(canvas, rect, y, look, source, row->action);
        }
        write_rates(canvas, y, look, source, row->action);
        write_curve(canvas, y, look, source, row->action);
        ++y;
    }
    drawn.sources = std::max<std::size_t>(drawn.sources, 1);
}

}  // namespace tally::stats
