// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What all pages have around their contents: the first line, the notices, the keys; and what a page is drawn
// from. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stats/live/canvas.h"
#include "stats/live/plot.h"
#include "stats/live/screen_state.h"

namespace tally::stats {

inline constexpr Style kFaint = {.dim = true};
inline constexpr Style kBold = {.bold = true};

// What the person at the keyboard has chosen.
struct LiveChoice {
    Sort sort = Sort::kName;
    Units units = Units::kPacketsAndBits;
    bool all_actions = false;  // also those that never counted
    bool detail = false;       // of the selected source
    bool help = false;
    bool paused = false;

    std::optional<std::size_t> selected;  // a source's number
    std::size_t position = 0;             // where that was in the list: its successor's when it is gone
    int top = 0;                          // the first line of the list that is shown
    std::size_t page = 1;                 // how many sources were shown last: a page
};

// What is shown and is neither counted nor chosen.
struct ViewContext {
    std::string host;
    std::string clock;
    std::string notice;  // the latest
    std::string pin;     // of the selected source
    std::chrono::nanoseconds interval = {};
    double now = 0;  // on the clock of ScreenState
    Strokes strokes = Strokes::kSymbols;
};

// At the right of the first line, as far as there is room. The column where it begins.
int write_status(Canvas& canvas, const LiveChoice& choice, const Rate& rate, const ViewContext& context);
// The last line but one: the latest notice, and at the right which part of the page is shown.
void write_notice(Canvas& canvas, const std::string& notice, const std::string& position);

struct KeyHint {
    std::string_view key;
    std::string text;
};
// The last line: these, and the keys of every page.
void write_keys(Canvas& canvas, const LiveChoice& choice, std::vector<KeyHint> hints);

// Between two parts of a line.
std::string_view dot(const Canvas& canvas);

// "attached g2", "waiting"; highlighted for some seconds after a replacement.
std::string state_text(const ScreenSource& source);
Style state_style(const ScreenSource& source, double now);

// "map totals", "since reset".
std::string totals_text(const ScreenState& model);

}  // namespace tally::stats
