// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <fmt/format.h>

#include <algorithm>

#include "common/base/printable.h"
#include "stats/live/page/about_panel.h"
#include "stats/live/page/frame.h"
#include "stats/live/page/page.h"
#include "stats/live/page/plot_panel.h"
#include "stats/live/page/source_list.h"
#include "stats/live/page/verdict_table.h"
#include "stats/live/paint/axis.h"
#include "stats/live/paint/box.h"
#include "stats/live/paint/plot.h"

namespace tally::stats {
namespace {

constexpr int kWide = 160;       // columns from which everything about the selected source is below its plot
constexpr int kWithLegend = 84;  // columns from which its legend is beside the plot
constexpr int kWithPlot = 24;    // lines from which there is a plot
constexpr int kLeastPanel = 9;   // lines
constexpr int kLeastAbout = 4;   // lines below a plot: with less, the legend is beside it

// Which there are, or how many where that is too long.
std::string troubles_text(const SourceList& list, int room) {
    constexpr auto kLostBefore = static_cast<std::size_t>(Trouble::kLostBefore);
    std::string text;
    std::size_t all = 0;
    for (std::size_t trouble = kTroubles - 1; trouble > kLostBefore; --trouble) {
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
    const std::size_t losses = list.troubles.at(static_cast<std::size_t>(Trouble::kLostBefore));
    pieces.push_back({losses > 0 ? fmt::format("{} with losses", losses) : "", kBold});
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
    Rect plot;          // no height: none
    Rect about;         // of the selected source, below or beside its plot; no height: none
    bool side = false;  // the plot is beside the list
    int line_height = 1;
};

// So high that curves are as tall as there is room for in so many lines.
int list_line_height(int rows, int sources, int room, int tallest) {
    return std::clamp((room - rows + sources) / sources, 1, tallest);
}

// What is about the source is below the list, where that leaves so much room, or else below the plot.
void place_beside(Places& places, const Rect& inner, int rows, int about) {
    places.side = true;
    places.list.width = inner.width * 11 / 20;
    const int left = places.list.right() + 1;
    // The title is above the plot.
    places.plot = {left, inner.y + 1, inner.right() - left, inner.height - 1};
    Rect& above = 1 + rows + 1 + about <= inner.height ? places.list : places.plot;
    const int height = std::min(about, above.height / 2);
    above.height -= height + 1;
    places.about = {above.x, above.bottom() + 1, above.width, height};
}

void place_below(Places& places, const Rect& inner, int rows, int sources, int about, bool wide) {
    const int room = inner.height - 2;  // without titles and a divider
    places.line_height = list_line_height(rows, sources, room - std::max(12, room / 2), wide ? 3 : 2);
    // A list that needs no scrolling is worth a smaller plot.
    const int least = wide ? room / 3 : kLeastPanel;
    const int most = rows <= room - least ? room - least : room - std::max(least, room * 2 / 5);
    places.list.height = 1 + std::min(rows + sources * (places.line_height - 1), most);
    const int top = places.list.bottom() + 1;
    const Rect panel = {inner.x, top, inner.width, inner.bottom() - top};
    places.plot = panel;
    const int height = std::min({about, panel.height / 2, panel.height - 1 - kLeastPlotPanel});
    if (wide && height >= kLeastAbout) {
        places.plot.height -= height + 1;
        places.about = {panel.x, panel.bottom() - height, panel.width, height};
    } else if (panel.width >= kWithLegend) {
        places.about = {panel.right() - kLegendWidth - 3, panel.y, kLegendWidth + 3, panel.height};
        places.plot.width = places.about.x - panel.x;
    }
}

Places place_parts(const Canvas& canvas, const SourceList& list, const LiveChoice& choice,
                   const ViewContext& context, const Listed* selected) {
    const Rect inner = {1, 1, canvas.width() - 2, canvas.height() - 3};
    Places places;
    places.list = inner;
    if (canvas.height() < kWithPlot || selected == nullptr) {
        return places;
    }
    const int rows = static_cast<int>(list_rows(list, choice).size());
    const int sources = static_cast<int>(list.order.size());
    const bool wide = canvas.width() >= kWide;
    const int room = inner.height - 2;
    if (wide && rows > room - room / 3) {
        place_beside(places, inner, rows,
                     about_lines(*selected->source, choice, context, inner.width * 9 / 20));
    } else {
        place_below(places, inner, rows, sources,
                    wide ? about_lines(*selected->source, choice, context, inner.width) : 0, wide);
    }
    return places;
}

void draw_panel(Canvas& canvas, const Places& places, const Listed& selected, const LiveChoice& choice,
                const ViewContext& context, DrawnPage& drawn) {
    const Rect box = {0, 0, canvas.width(), canvas.height() - 1};
    const auto title = panel_title(*selected.source, selected.trouble);
    const int left = places.plot.x - 1;
    if (places.side) {
        draw_upright_divider(canvas, box, left);
        write_pieces(canvas, places.plot.x, places.plot.y - 1, title, places.plot.right());
    } else {
        draw_divider(canvas, box, places.plot.y - 1);
        write_pieces(canvas, 2, places.plot.y - 1, title, box.right() - 2);
    }
    draw_plot_panel(canvas, places.plot, *selected.source, choice, context, places.about.height == 0,
                    drawn.columns);
    if (places.about.height > 0) {
        if (places.about.y > places.plot.y) {
            draw_divider(canvas, {places.about.x - 1, 0, places.about.width + 2, box.height},
                         places.about.y - 1);
        }
        draw_about(canvas, places.about, *selected.source, choice, context, drawn.columns.step);
    }
}

}  // namespace

void draw_overview(Canvas& canvas, const ScreenState& model, const SourceList& list, LiveChoice& choice,
                   const ViewContext& context, DrawnPage& drawn) {
    const Listed* const selected = selected_of(list, choice);
    const Places places = place_parts(canvas, list, choice, context, selected);
    if (places.plot.height > 0) {
        drawn.columns = time_columns(context.now, context.window, plot_columns(places.plot.width));
    }
    std::string position;
    const int rows = static_cast<int>(list_rows(list, choice).size());
    const int shown = (places.list.height - 1) / places.line_height;
    draw_source_list(canvas, places.list, list, choice, context, places.line_height, drawn);
    if (rows > shown && places.line_height == 1) {
        position = fmt::format("lines {}-{} of {}", choice.top + 1, choice.top + shown, rows);
    }
    draw_frame(canvas, choice, context,
               {title_of(canvas, model, list, choice, context), position,
                sum_shown(model, choice, drawn.columns.step)});
    if (list.order.empty()) {
        canvas.write(3, 3,
                     model.sources().empty() ? "no counter map is pinned yet; waiting"
                                             : "no device is shown: they are filtered out, or idle",
                     kFaint);
    }
    if (selected != nullptr && places.plot.height > 0) {
        draw_panel(canvas, places, *selected, choice, context, drawn);
    }
    write_keys(canvas, keys_of(choice, context), drawn);
}

}  // namespace tally::stats
