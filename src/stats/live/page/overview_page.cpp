// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/overview_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/printable.h"
#include "stats/live/page/cpu_strip.h"
#include "stats/live/page/device_lines.h"
#include "stats/live/page/frame.h"
#include "stats/live/page/plot_panel.h"
#include "stats/live/page/source_list.h"
#include "stats/live/page/verdict_table.h"
#include "stats/live/paint/axis.h"
#include "stats/live/paint/box.h"

namespace tally::stats {
namespace {

constexpr int kSideBySide = 160;  // columns from which the plot is beside the list
constexpr int kWithPlot = 24;     // lines from which it is below the list
constexpr int kLeastPanel = 9;    // lines

// Which there are, or how many where that is too long.
std::string troubles_text(const SourceList& list, int room) {
    std::string text;
    std::size_t all = 0;
    for (std::size_t trouble = kTroubles - 1; trouble > 0; --trouble) {
        if (const std::size_t count = list.troubles.at(trouble); count > 0) {
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count,
                                trouble_name(static_cast<Trouble>(trouble)));
            all += count;
        }
    }
    if (all == 0) {
        return text;
    }
    return static_cast<int>(text.size()) <= room ? fmt::format(" ! {} ", text)
                                                 : fmt::format(" ! {} in trouble ", all);
}

std::vector<Piece> title_of(const Canvas& canvas, const ScreenState& model, const SourceList& list,
                            const LiveChoice& choice, const ViewContext& context) {
    const std::size_t count = model.sources().size();
    constexpr int kRoomForName = 100;
    // The most important first, but for the name of the program.
    std::vector<Piece> pieces = {{canvas.width() < kRoomForName ? "" : "xdp_stats", kBold}};
    pieces.push_back({troubles_text(list, canvas.width() / 2 - 4), kAlarm});
    pieces.push_back({choice.typing || !choice.filter.empty()
                          ? fmt::format("/{}{}", printable(choice.filter), choice.typing ? "_" : "")
                          : "",
                      {.reverse = true}});
    pieces.push_back({totals_text(model), {}});
    pieces.push_back({fmt::format("{} device{}", count, count == 1 ? "" : "s"), {}});
    pieces.push_back({printable(context.host), {}});
    if (list.hidden > 0) {
        pieces.push_back({fmt::format("{} idle hidden", list.hidden), kFaint});
    }
    pieces.push_back({"every " + span_text(std::chrono::duration<double>(context.interval).count()), kFaint});
    return pieces;
}

std::vector<KeyHint> keys_of(const LiveChoice& choice, const ViewContext& context) {
    if (choice.typing) {
        return {{"Enter", "keep the filter"}, {"Esc", "no filter"}};
    }
    std::vector<KeyHint> hints = {{"q", "quit"},
                                  {"Enter", "device"},
                                  {"o", "open"},
                                  {"s", fmt::format("sort: {}", sort_name(choice.sort))},
                                  {"/", "find"},
                                  {"i", choice.hide_idle ? "show idle" : "hide idle"},
                                  {"c", choice.own_scale ? "one scale" : "own scales"}};
    const auto common = common_keys(choice, context);
    hints.insert(hints.begin() + (choice.paused ? 1 : 4), common.begin(), common.begin() + 2);
    hints.insert(hints.end(), common.begin() + 2, common.end());
    return hints;
}

const Listed* selected_of(const SourceList& list, const LiveChoice& choice) {
    const auto found = std::find_if(list.order.begin(), list.order.end(),
                                    [&](const Listed& one) { return choice.selected == one.source->number; });
    return found == list.order.end() ? nullptr : &*found;
}

// Where the parts of the page are.
struct Places {
    Rect list;
    Rect plot;   // no height: none
    Rect about;  // below the list, beside the plot; no height: none
    int line_height = 1;
};

Places place_parts(const Canvas& canvas, const SourceList& list, const LiveChoice& choice) {
    const Rect inner = {1, 1, canvas.width() - 2, canvas.height() - 3};
    const int rows = static_cast<int>(list_rows(list, choice).size());
    const int sources = static_cast<int>(list.order.size());
    const bool side = canvas.width() >= kSideBySide;
    Places places;
    places.list = inner;
    if (canvas.height() < kWithPlot || sources == 0) {
        return places;
    }
    // What the list may have, so that the plot is not less than a part of the page.
    const int room = inner.height - 2;  // without titles and a divider
    const int most_list = room - std::max(kLeastPanel, room * 2 / 5);
    const int roomy = side ? room / 2 : room - std::max(12, room / 2);
    // One line, or more for taller curves.
    const int tallest = side ? 3 : 2;
    places.line_height = std::clamp((roomy - rows + sources) / sources, 1, tallest);
    const int wanted = rows + sources * (places.line_height - 1);
    if (!side) {
        places.list.height = 1 + std::min(wanted, most_list);
        const int top = places.list.bottom() + 1;
        places.plot = {inner.x, top, inner.width, inner.bottom() - top};
        return places;
    }
    places.list.width = inner.width * 11 / 20;
    const int right = places.list.right() + 1;
    places.plot = {right, inner.y, inner.right() - right, inner.height};
    if (constexpr int kLeastAbout = 12; inner.height - 2 - wanted >= kLeastAbout) {
        places.list.height = 1 + wanted;
        const int top = places.list.bottom() + 1;
        places.about = {inner.x, top, places.list.width, inner.bottom() - top};
    }
    return places;
}

void draw_about(Canvas& canvas, const Rect& rect, const ScreenSource& source, const LiveChoice& choice,
                const ViewContext& context, double step) {
    const Rect inner = {rect.x + 2, rect.y, rect.width - 3, rect.height};
    const int table = std::min(verdict_table_lines(source, choice), inner.height);
    draw_verdict_table(canvas, {inner.x, inner.y, inner.width, table}, source, choice, step);
    int y = inner.y + table + 1;
    const auto heats = cpu_heats(source.report, context.cpus);
    const HeatLayout heat = lay_out_heat(static_cast<int>(heats.size()), inner.width, 4);
    if (y + 1 + heat.lines <= inner.bottom()) {
        canvas.write_cut(inner.x, y, cpu_text(heats), kFaint, inner.right());
        draw_heat(canvas, {inner.x, y + 1, inner.width, heat.lines}, heat, heats);
        y += heat.lines + 2;
    }
    write_device_lines(canvas, {inner.x, y, inner.width, inner.bottom() - y},
                       device_lines(source, context.facts, inner.width));
}

}  // namespace

void draw_overview(Canvas& canvas, const ScreenState& model, const SourceList& list, LiveChoice& choice,
                   const ViewContext& context, DrawnPage& drawn) {
    const Places places = place_parts(canvas, list, choice);
    std::string position;
    const int rows = static_cast<int>(list_rows(list, choice).size());
    const int shown = (places.list.height - 1) / places.line_height;
    draw_source_list(canvas, places.list, list, choice, context, places.line_height, drawn);
    if (rows > shown && places.line_height == 1) {
        position = fmt::format("lines {}-{} of {}", choice.top + 1, choice.top + shown, rows);
    }
    draw_frame(canvas, model, choice, context,
               {title_of(canvas, model, list, choice, context), position, drawn.columns.step});
    if (list.order.empty()) {
        canvas.write(3, 3,
                     model.sources().empty() ? "no counter map is pinned yet; waiting"
                                             : "no device is shown: they are filtered out, or idle",
                     kFaint);
    }
    const Listed* const selected = selected_of(list, choice);
    const Rect box = {0, 0, canvas.width(), canvas.height() - 1};
    if (selected != nullptr && places.plot.height > 0) {
        const auto title = panel_title(*selected->source, selected->trouble);
        if (places.plot.y > 1) {
            draw_divider(canvas, box, places.plot.y - 1);
            write_pieces(canvas, 2, places.plot.y - 1, title, box.right() - 2);
            draw_plot_panel(canvas, places.plot, *selected->source, choice, context, true, drawn);
        } else {
            draw_upright_divider(canvas, box, places.plot.x - 1);
            write_pieces(canvas, places.plot.x, places.plot.y, title, places.plot.right());
            Rect plot = places.plot;
            ++plot.y;
            --plot.height;
            draw_plot_panel(canvas, plot, *selected->source, choice, context, places.about.height == 0,
                            drawn);
        }
        if (places.about.height > 0) {
            draw_divider(canvas, {0, 0, places.list.right() + 1, box.height}, places.about.y - 1);
            draw_about(canvas, places.about, *selected->source, choice, context, drawn.columns.step);
        }
    }
    write_keys(canvas, keys_of(choice, context));
}

}  // namespace tally::stats
