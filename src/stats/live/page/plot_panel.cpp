// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/plot_panel.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/printable.h"
#include "stats/live/page/numbers_text.h"
#include "stats/live/page/shown_rates.h"
#include "stats/live/page/verdict_table.h"
#include "stats/live/paint/plot.h"

namespace tally::stats {

std::vector<Piece> panel_title(const ScreenSource& source, Trouble trouble) {
    std::vector<Piece> pieces = {{title_with_place(source.report), kBold}};
    if (trouble > Trouble::kLostBefore) {
        pieces.push_back({fmt::format(" {} ", trouble_name(trouble)), trouble_style(trouble)});
    } else {
        pieces.push_back({state_text(source, trouble), kFaint});
    }
    if (const auto total = total_of(source, kAllActions); source.report.unpinned && total) {
        pieces.push_back(
            {"last counted " + count_text(total->rx_packets, Units::kPacketsAndBits, kCountColumns), {}});
    }
    if (const auto lost = lost_of(source); lost && *lost > 0) {
        pieces.push_back({count_text(*lost, Units::kPacketsAndBits, kCountColumns) + " lost", kBold});
        pieces.push_back({tracked_since(source), kBold});
    }
    if (const auto& program = source.report.program) {
        pieces.push_back({fmt::format("{}{}, {} mode, by {}", is_past_program(source.report) ? "last: " : "",
                                      printable(program->name), program->mode, program->attach),
                          kFaint});
    }
    return pieces;
}

void draw_plot_panel(Canvas& canvas, const Rect& rect, const ScreenSource& source, const LiveChoice& choice,
                     const ViewContext& context, bool with_legend, const TimeColumns& columns) {
    Rect plot = rect;
    plot.y += with_legend ? 1 : 0;
    plot.height -= with_legend ? 1 : 0;
    if (plot.height < kLeastPlotPanel) {
        return;
    }
    draw_plot(canvas, plot, plot_of(source, columns, choice, context));
    canvas.write(plot.x, plot.bottom() - 1, "pkt/s", kFaint);
    if (with_legend) {
        draw_legend_line(canvas, {rect.x + 1, rect.y, rect.width - 2, 1}, source, choice, columns.step);
    }
}

}  // namespace tally::stats
