// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/page.h"

#include <fmt/format.h>

#include "stats/live/page/popups.h"
#include "stats/live/page/selection.h"
#include "stats/live/paint/plot.h"

namespace tally::stats {
namespace {

// Smaller pages are not drawn.
constexpr int kLeastWidth = 40;
constexpr int kLeastHeight = 8;

// No other command knows what totals since its start, or a reset, count from.
void write_command(Canvas& canvas, const ScreenState& model, const ScreenSource& source,
                   const DeviceFacts& facts) {
    const bool own = model.totals_are_reset() || model.totals() == Totals::kSession;
    draw_command(canvas,
                 own ? "This command prints the numbers, with map totals" : "This command prints the numbers",
                 fmt::format("xdp_stats {}{}{} --count 1", facts.options,
                             !own && model.totals() == Totals::kLifetime ? " --totals lifetime" : "",
                             source.report.cost ? " --cost" : ""));
}

}  // namespace

DrawnPage draw_page(Canvas& canvas, const ScreenState& model, const SourceList& list, LiveChoice& choice,
                    ViewContext context) {
    DrawnPage drawn;
    drawn.window = window_of(model, choice, context.now);
    context.window = kWindows.at(drawn.window);
    drawn.columns = time_columns(context.now, context.window, plot_columns(canvas.width() - 2));
    drawn.source_at.resize(static_cast<std::size_t>(canvas.height()));
    if (canvas.width() < kLeastWidth || canvas.height() < kLeastHeight) {
        if (canvas.height() > 0) {
            canvas.write(0, 0, fmt::format("terminal too small, {}x{} is needed", kLeastWidth, kLeastHeight));
        }
        return drawn;
    }
    const ScreenSource* const source = choice.selected ? model.find(*choice.selected) : nullptr;
    if (choice.device && source != nullptr) {
        draw_device(canvas, model, *source, choice, context, drawn);
    } else {
        draw_overview(canvas, model, list, choice, context, drawn);
    }
    choice.command = choice.command && source != nullptr && !context.facts.options.empty();
    if (choice.command) {
        write_command(canvas, model, *source, context.facts);
    }
    if (choice.help) {
        draw_help(canvas);
    }
    return drawn;
}

}  // namespace tally::stats
