// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/help_page.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "stats/live/frame.h"

namespace tally::stats {

void draw_help(Canvas& canvas) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kLines = {{
        {"Up Down, j k", "select a device"},
        {"PgUp PgDn Home End", "the same in larger steps"},
        {"Enter", "show its plot, its CPUs and its program"},
        {"Esc, Backspace", "back to the list"},
        {"s", "sort by name, packets/s or drops/s"},
        {"u", "units: packets and bits, bytes, raw"},
        {"a", "show actions that never counted, too"},
        {"p", "pause the display; counting goes on"},
        {"t", "totals: of the map, the lifetime, the session"},
        {"r", "set totals to zero (the map stays as it is)"},
        {"+ -", "longer or shorter interval"},
        {"Ctrl-L", "redraw the screen"},
        {"?", "this page; any key closes it"},
        {"q", "quit"},
    }};
    constexpr int kWidest = 66;
    const int width = std::min(kWidest, canvas.width());
    const int height = std::min(static_cast<int>(kLines.size()) + 2, canvas.height());
    const int left = (canvas.width() - width) / 2;
    const int top = (canvas.height() - height) / 2;
    const auto draw =
        [&](int y, std::u32string_view line) {  // its characters at the left, between, and at the right
            for (int x = left; x < left + width; ++x) {
                canvas.set(x, y, line[1], kFaint);
            }
            canvas.set(left, y, line[0], kFaint);
            canvas.set(left + width - 1, y, line[2], kFaint);
        };
    for (int y = top; y < top + height; ++y) {
        draw(y, canvas.unicode() ? U"│ │" : U"| |");
    }
    draw(top + height - 1, canvas.unicode() ? U"╰─╯" : U"+-+");
    draw(top, canvas.unicode() ? U"╭─╮" : U"+-+");
    canvas.write(left + 2, top, " Keys ", kBold);
    int y = top + 1;
    for (const auto& [keys, what] : kLines) {
        if (y >= top + height - 1) {
            break;
        }
        const int gap = width < kWidest ? 1 : 20;
        const int x = canvas.write(left + 2, y, keys, kBold, left + width - 1);
        canvas.write_cut(std::max(x + 1, left + 2 + gap), y++, what, {}, left + width - 1);
    }
}

}  // namespace tally::stats
