// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/box.h"

#include <string_view>

namespace tally::stats {
namespace {

// Left end, line, right end.
void draw_line(Canvas& canvas, const Rect& box, int y, std::u32string_view unicode) {
    const std::u32string_view line = canvas.unicode() ? unicode : U"+-+";
    for (int x = box.x + 1; x < box.right() - 1; ++x) {
        canvas.set(x, y, line[1], kFaint);
    }
    canvas.set(box.x, y, line[0], kFaint);
    canvas.set(box.right() - 1, y, line[2], kFaint);
}

}  // namespace

void draw_box(Canvas& canvas, const Rect& rect) {
    for (int y = rect.y + 1; y < rect.bottom() - 1; ++y) {
        canvas.set(rect.x, y, canvas.unicode() ? U'│' : U'|', kFaint);
        canvas.set(rect.right() - 1, y, canvas.unicode() ? U'│' : U'|', kFaint);
    }
    draw_line(canvas, rect, rect.y, U"╭─╮");
    draw_line(canvas, rect, rect.bottom() - 1, U"╰─╯");
}

void draw_divider(Canvas& canvas, const Rect& box, int y) {
    draw_line(canvas, box, y, U"├─┤");
}

void draw_upright_divider(Canvas& canvas, const Rect& box, int x) {
    const bool unicode = canvas.unicode();
    for (int y = box.y + 1; y < box.bottom() - 1; ++y) {
        canvas.set(x, y, unicode ? U'│' : U'|', kFaint);
    }
    canvas.set(x, box.y, unicode ? U'┬' : U'+', kFaint);
    canvas.set(x, box.bottom() - 1, unicode ? U'┴' : U'+', kFaint);
}

}  // namespace tally::stats
