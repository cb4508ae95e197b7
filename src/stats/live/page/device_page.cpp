// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <algorithm>

#include "stats/live/page/cpu_strip.h"
#include "stats/live/page/device_lines.h"
#include "stats/live/page/frame.h"
#include "stats/live/page/page.h"
#include "stats/live/page/plot_panel.h"
#include "stats/live/page/verdict_table.h"
#include "stats/live/paint/box.h"

namespace tally::stats {
namespace {

constexpr int kLeastPlot = 7;  // lines, with its axis

// How many lines each part gets, with the divider above it; the plot has what is left.
struct Lines {
    int plot = 0;
    int table = 0;
    int cpus = 0;
    int about = 0;
};

Lines divide_lines(int room, int table, int cpus, int about) {
    Lines lines;
    lines.table = std::min(table, room);
    room -= lines.table;
    if (room >= kLeastPlot + 1) {
        lines.plot = kLeastPlot;
        ++lines.table;  // its divider
        room -= kLeastPlot + 1;
    }
    if (room >= cpus + 1) {
        lines.cpus = cpus + 1;
        room -= lines.cpus;
    }
    if (room >= 2) {
        lines.about = std::min(about + 1, room);
        room -= lines.about;
    }
    if (lines.plot > 0) {
        lines.plot += room;
    }
    return lines;
}

}  // namespace

void draw_device(Canvas& canvas, const ScreenState& model, const ScreenSource& source,
                 const LiveChoice& choice, const ViewContext& context, DrawnPage& drawn) {
    const Rect box = {0, 0, canvas.width(), canvas.height() - 1};
    auto title = panel_title(source, trouble_of(source, context.now));
    title.insert(title.begin() + 2, {totals_text(model), {}});  // before the program, which is long
    draw_frame(canvas, choice, context, {title, {}, sum_shown(source, choice, drawn.columns.step)});
    const Rect inner = {2, 1, canvas.width() - 4, canvas.height() - 3};

    const CpuStrip cpus =
        cpu_strip_of(source, choice, context.cpus, inner.width, std::max(inner.height / 8, 1));
    const auto about = device_lines(source, choice, context.facts, inner.width);
    const Lines lines = divide_lines(inner.height, verdict_table_lines(source, choice, inner.width),
                                     cpus.layout.lines, static_cast<int>(about.size()));
    int y = inner.y;
    const auto divide = [&](const std::string& text) {
        draw_divider(canvas, box, y);
        write_pieces(canvas, 2, y, {{text, kFaint}}, box.right() - 2);
    };
    if (lines.plot > 0) {
        draw_plot_panel(canvas, {1, y, canvas.width() - 2, lines.plot}, source, choice, context, false,
                        drawn.columns);
        y += lines.plot;
        divide("verdicts");
        ++y;
    }
    const int table = lines.table - (lines.plot > 0 ? 1 : 0);
    draw_verdict_table(canvas, {inner.x, y, inner.width, table}, source, choice, drawn.columns.step);
    y += table;
    if (lines.cpus > 0) {
        divide(cpu_text(cpus, inner.width - 2));
        draw_cpus(canvas, {inner.x, y + 1, inner.width, lines.cpus - 1}, cpus);
        y += lines.cpus;
    }
    if (lines.about > 0) {
        divide("program, map, device");
        write_device_lines(canvas, {inner.x, y + 1, inner.width, lines.about - 1}, about);
    }
    std::vector<KeyHint> hints = {{"q", "quit"}, {"Esc", "back"}, {"k j", "other device"}};
    const auto common = common_keys(choice, context);
    hints.insert(hints.end(), common.begin(), common.end());
    hints.push_back({"a", choice.all_actions ? "used verdicts" : "all verdicts"});
    write_keys(canvas, hints, drawn);
}

}  // namespace tally::stats
