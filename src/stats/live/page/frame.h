// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What all pages have around their contents: a frame with the title line, the latest notice in its lower
// line, and below it the keys. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stats/live/model/order.h"
#include "stats/live/page/shown_rates.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

// A part of a line, with the style it has.
struct Piece {
    std::string text;
    Style style;
};

// Pieces side by side in a line of a frame, as many as fit, the first ones first; one that does not fit is
// left out, but for the first, which is cut.
void write_pieces(Canvas& canvas, int x, int y, const std::vector<Piece>& pieces, int end);
// The same, ending before `end`; the column where they begin.
int write_pieces_right(Canvas& canvas, int end, int y, const std::vector<Piece>& pieces, int begin);

struct FrameText {
    std::vector<Piece> title;  // at the left of the upper line
    std::string position;      // which part of the page is shown
    std::optional<Sum> sum;    // of what the page is about; none: not known
};
void draw_frame(Canvas& canvas, const LiveChoice& choice, const ViewContext& context, const FrameText& text);

struct KeyHint {
    std::string_view key;
    std::string text;
};
// The last line.
void write_keys(Canvas& canvas, const std::vector<KeyHint>& hints, DrawnPage& drawn);
// The keys of every page.
std::vector<KeyHint> common_keys(const LiveChoice& choice, const ViewContext& context);

Style trouble_style(Trouble trouble);

// "map totals", "since reset".
std::string totals_text(const ScreenState& model);

}  // namespace tally::stats
