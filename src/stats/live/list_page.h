// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The pages of the full-screen view, drawn from what the model knows. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "stats/live/canvas.h"
#include "stats/live/plot.h"
#include "stats/live/screen_state.h"

namespace tally::stats {

// Below that there is no sense in drawing.
inline constexpr int kLeastWidth = 40;
inline constexpr int kLeastHeight = 8;

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

// What is shown and is neither the model's nor chosen.
struct Surroundings {
    std::string host;
    std::string clock;
    std::string notice;  // the latest
    std::string pin;     // of the selected source
    std::chrono::nanoseconds interval = {};
    double now = 0;  // on the model's clock
    Strokes strokes = Strokes::kSymbols;
};

// Moves the selection so many sources down (up: negative), as far as there are any; 0 makes sure that one is
// selected.
void move_selection(LiveChoice& choice, const ScreenState& model, std::ptrdiff_t by);

// The whole page, on an empty canvas of any size. Scrolls the list to where the selection is.
void draw_page(Canvas& canvas, const ScreenState& model, LiveChoice& choice, const Surroundings& around);

}  // namespace tally::stats
