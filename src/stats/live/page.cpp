// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page.h"

#include "stats/live/detail_page.h"
#include "stats/live/help_page.h"
#include "stats/live/list_page.h"

namespace tally::stats {
namespace {

// Smaller pages are not drawn.
constexpr int kLeastWidth = 40;
constexpr int kLeastHeight = 8;

}  // namespace

void draw_page(Canvas& canvas, const ScreenState& model, LiveChoice& choice, const ViewContext& context) {
    if (canvas.width() < kLeastWidth || canvas.height() < kLeastHeight) {
        if (canvas.height() > 0) {
            canvas.write(0, 0, "terminal too small");
        }
        return;
    }
    move_selection(choice, model, 0);
    const ScreenSource* const source = choice.selected ? model.find(*choice.selected) : nullptr;
    if (choice.detail && source != nullptr) {
        draw_detail(canvas, model, *source, choice, context);
    } else {
        draw_list(canvas, model, choice, context);
    }
    if (choice.help) {
        draw_help(canvas);
    }
}

}  // namespace tally::stats
