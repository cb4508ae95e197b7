// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/page.h"

#include <fmt/format.h>

#include "stats/live/page/device_page.h"
#include "stats/live/page/overview_page.h"
#include "stats/live/page/popups.h"
#include "stats/live/page/selection.h"

namespace tally::stats {
namespace {

// Smaller pages are not drawn.
constexpr int kLeastWidth = 40;
constexpr int kLeastHeight = 8;

}  // namespace

DrawnPage draw_page(Canvas& canvas, const ScreenState& model, const SourceList& list, LiveChoice& choice,
                    ViewContext context) {
    DrawnPage drawn;
    drawn.window = window_of(model, choice, context.now);
    context.window = kWindows.at(drawn.window);
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
    if (choice.command) {
        draw_command(canvas, context.facts.command);
    }
    if (choice.help) {
        draw_help(canvas);
    }
    return drawn;
}

}  // namespace tally::stats
