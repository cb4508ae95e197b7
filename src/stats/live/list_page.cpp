// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/list_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <vector>

#include "common/base/printable.h"
#include "common/pins/abi_names.h"
#include "stats/live/columns.h"

namespace tally::stats {
namespace {

constexpr double kWindow = 120;  // samples

// In the order of Sort.
constexpr std::array<std::string_view, 3> kSortNames = {"name", "packets/s", "drops/s"};

struct Row {
    const ScreenSource* source = nullptr;
    std::size_t action = kAllActions;  // kAllActions: the line of the source
};

std::vector<Row> rows_of(const std::vector<const ScreenSource*>& order, bool all_actions) {
    std::vector<Row> rows;
    for (const ScreenSource* source : order) {
        rows.push_back({source, kAllActions});
        for (const std::size_t action : actions_to_show(*source, all_actions)) {
            rows.push_back({source, action});
        }
    }
    return rows;
}

int name_width(const Canvas& canvas, const ScreenState& model) {
    int widest = 14;
    for (const auto& [number, source] : model.sources()) {
        widest = std::max(widest, 2 + text_width(canvas.unicode(), source.report.title) + 2 +
                                      static_cast<int>(state_text(source).size()));
    }
    const int most = canvas.width() * 3 / 10;
    return std::min(widest, std::max(most, 14));
}

// Scrolls as little as needed to show the lines of the selected source, at least its first.
void scroll(LiveChoice& choice, const std::vector<Row>& rows, int height) {
    int first = 0;
    int last = 0;
    for (int line = 0; line < static_cast<int>(rows.size()); ++line) {
        if (choice.selected == rows[static_cast<std::size_t>(line)].source->number) {
            last = line;
            if (rows[static_cast<std::size_t>(line)].action == kAllActions) {
                first = line;
            }
        }
    }
    const int most = std::max(static_cast<int>(rows.size()) - height, 0);
    choice.top = std::max(choice.top, last - height + 1);
    choice.top = std::clamp(std::min(choice.top, first), 0, most);
}

void write_source(Canvas& canvas, int y, const Columns& columns, const ScreenSource& source, double now) {
    const std::string state = state_text(source);
    const int state_x = columns.name_end - static_cast<int>(state.size());
    constexpr int kLeastName = 6;
    const bool both = state_x - 3 >= kLeastName;
    canvas.write_cut(2, y, title_with_place(source.report), kBold, both ? state_x - 1 : columns.name_end);
    if (both) {
        canvas.write(state_x, y, state, state_style(source, now));
    }
}

void write_row(Canvas& canvas, int y, const Columns& columns, const Row& row, const LiveChoice& choice,
               const ViewContext& context, double seconds) {
    const bool whole = row.action == kAllActions;
    const Style style = whole ? Style() : Style{.ink = ink_of(row.action)};
    if (whole) {
        write_source(canvas, y, columns, *row.source, context.now);
    } else {
        canvas.write(4, y, kShortActionNames[row.action], style, columns.name_end);
    }
    write_numbers(canvas, y, columns, choice.units, *row.source, row.action, whole ? kBold : Style());
    write_spark(canvas, y, columns, *row.source, row.action, context.now, seconds, style);
    if (whole && choice.selected == row.source->number) {
        canvas.set(0, y, canvas.unicode() ? U'▸' : U'>', kBold);
        canvas.mark(y);
    }
}

}  // namespace

void draw_list(Canvas& canvas, const ScreenState& model, LiveChoice& choice, const ViewContext& context) {
    const int status = write_status(canvas, choice, model.total_rate(), context);
    int x = canvas.write(1, 0, "xdp_stats", kBold, status);
    const std::string between(dot(canvas));
    const std::string about =
        "  " + totals_text(model) + between + printable(context.host) + between +
        fmt::format("{} device{}", model.sources().size(), model.sources().size() == 1 ? "" : "s") + between +
        "every " + span_text(std::chrono::duration<double>(context.interval).count());
    canvas.write_cut(x, 0, about, {}, status);

    const auto order = sorted(model, choice.sort);
    const auto rows = rows_of(order, choice.all_actions);
    const Columns columns = lay_out(canvas.width(), name_width(canvas, model), choice.units);
    const double seconds = time_window(model, context, kWindow);
    write_titles(canvas, 1, columns, choice.units, "DEVICE", seconds);

    const int height = canvas.height() - 4;
    scroll(choice, rows, height);
    choice.page = 0;
    int y = 2;
    for (std::size_t line = static_cast<std::size_t>(choice.top); line < rows.size() && y < 2 + height;
         ++line, ++y) {
        write_row(canvas, y, columns, rows[line], choice, context, seconds);
        choice.page += rows[line].action == kAllActions ? 1 : 0;
    }
    choice.page = std::max<std::size_t>(choice.page, 1);
    if (rows.empty()) {
        canvas.write(2, 3, "no counter map is pinned yet; waiting", kFaint);
    }
    std::string position;
    if (static_cast<int>(rows.size()) > height) {
        position = fmt::format("lines {}-{} of {}", choice.top + 1, choice.top + y - 2, rows.size());
    }
    write_notice(canvas, context.notice, position);
    write_keys(canvas, choice,
               {{"q", "quit"},
                {"Enter", "detail"},
                {"s", fmt::format("sort: {}", kSortNames.at(static_cast<std::size_t>(choice.sort)))}});
}

void move_selection(LiveChoice& choice, const ScreenState& model, std::ptrdiff_t by) {
    const auto order = sorted(model, choice.sort);
    if (order.empty()) {
        choice.selected.reset();
        return;
    }
    const auto same = [&](const ScreenSource* source) { return choice.selected == source->number; };
    const auto found = std::find_if(order.begin(), order.end(), same);
    const auto last = static_cast<std::ptrdiff_t>(order.size()) - 1;
    auto at = found != order.end() ? found - order.begin() : static_cast<std::ptrdiff_t>(choice.position);
    // `by` may be the largest number there is.
    at = by > last ? last : by < -last ? 0 : std::clamp<std::ptrdiff_t>(at + by, 0, last);
    choice.position = static_cast<std::size_t>(at);
    choice.selected = order[choice.position]->number;
}

}  // namespace tally::stats
