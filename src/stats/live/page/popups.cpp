// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/popups.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/printable.h"
#include "common/pins/abi_names.h"
#include "stats/live/paint/box.h"

namespace tally::stats {
namespace {

// In the middle of the canvas, empty.
Rect draw_popup(Canvas& canvas, int width, int height, std::string_view title) {
    width = std::min(width, canvas.width());
    height = std::min(height, canvas.height());
    const Rect box = {(canvas.width() - width) / 2, (canvas.height() - height) / 2, width, height};
    canvas.fill(box, U' ', {});
    draw_box(canvas, box);
    canvas.write(box.x + 2, box.y, " ");
    const int end = canvas.write(box.x + 3, box.y, title, kBold, box.right() - 2);
    canvas.write(end, box.y, " ");
    return {box.x + 2, box.y + 1, box.width - 4, box.height - 2};
}

// The letters and colours of the verdicts.
void write_verdicts(Canvas& canvas, const Rect& line) {
    int x = line.x;
    for (std::size_t action = 0; action < kActions; ++action) {
        x = write_with_letter(canvas, x, line.y, action, kShortActionNames.at(action), line.right()) + 3;
    }
}

}  // namespace

void draw_help(Canvas& canvas) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kLines = {{
        {"Up Down j k, wheel", "select a device; PgUp PgDn Home End in larger steps"},
        {"Enter, click", "the whole screen for the selected device"},
        {"Esc, Backspace", "back to the list; no filter"},
        {"o  O", "open the device into its verdicts; all devices"},
        {"s", "sort by name, packets/s, drops/s, program; to the top"},
        {"/", "list only devices whose name or program has this part"},
        {"i", "hide devices that counted nothing for a minute"},
        {"c", "curves on one scale, or each on its own"},
        {"[  ]", "show less or more of the past: 1 minute to 1 hour"},
        {"Space, p", "pause the display; counting goes on"},
        {"Left Right", "while paused: the numbers of another moment"},
        {"y", "the command that prints these numbers"},
        {"u", "units: packets and bits, bytes, plain digits"},
        {"a", "show verdicts that never counted, too"},
        {"t", "totals: of the map, the lifetime, the session"},
        {"r", "set totals to zero (the map stays as it is)"},
        {"+  -", "longer or shorter interval"},
        {"Ctrl-L", "redraw the screen"},
        {"?", "this page; any key closes it"},
        {"q", "quit"},
    }};
    constexpr int kWidest = 78;
    constexpr int kKeys = 20;
    const Rect inner = draw_popup(canvas, kWidest, static_cast<int>(kLines.size()) + 4, "Keys");
    int y = inner.y;
    for (const auto& [keys, what] : kLines) {
        if (y >= inner.bottom()) {
            return;
        }
        const int x = canvas.write(inner.x, y, keys, kBold, inner.right());
        const int begin = inner.width + 4 < kWidest ? x + 1 : std::max(x + 1, inner.x + kKeys);
        canvas.write_cut(begin, y++, what, {}, inner.right());
    }
    if (y + 1 < inner.bottom()) {
        write_verdicts(canvas, {inner.x, y + 1, inner.width, 1});
    }
}

void draw_command(Canvas& canvas, std::string_view title, const std::string& command) {
    const std::string text = printable(command);
    const int width = std::max(canvas.width_of(text), static_cast<int>(title.size()) + 2) + 4;
    const int room = std::max(std::min(width, canvas.width()) - 4, 1);
    // It is folded where it is longer than the line: without blanks at the folds it can still be copied.
    std::vector<std::string_view> lines;
    for (std::string_view left = text; !left.empty(); left.remove_prefix(lines.back().size())) {
        lines.push_back(left.substr(0, head_of(left, room)));
    }
    const Rect inner = draw_popup(canvas, width, static_cast<int>(lines.size()) + 2, title);
    int y = inner.y;
    for (const std::string_view line : lines) {
        canvas.write(inner.x, y++, line, kBold, inner.right());
    }
}

}  // namespace tally::stats
