// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the person at the keyboard has chosen, and what a page is drawn from beside the model. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "stats/live/model/device_facts.h"
#include "stats/live/model/time_window.h"

namespace tally::stats {

// Those in trouble come first, the worst at the top; each order is that of the others, and among equals.
enum class Sort { kName, kPackets, kDrops, kProgram };

inline Sort next(Sort sort) {
    return sort == Sort::kProgram ? Sort::kName : static_cast<Sort>(static_cast<int>(sort) + 1);
}
std::string_view sort_name(Sort sort);

// Totals and rates in: packets and bits; bytes; the same as the first in plain digits.
enum class Units { kPacketsAndBits, kBytes, kRaw };

inline Units next(Units units) {
    return units == Units::kRaw ? Units::kPacketsAndBits : static_cast<Units>(static_cast<int>(units) + 1);
}

struct LiveChoice {
    Sort sort = Sort::kName;
    Units units = Units::kPacketsAndBits;
    std::optional<std::size_t>
        window;                  // of kWindows; none: the default one, as soon as there is a minute to show
    std::string filter;          // part of a name, a namespace or a program; any case
    bool hide_idle = false;      // those that have counted nothing for kIdleAfter, and are not in trouble
    bool own_scale = false;      // each curve of the list has its own
    bool all_actions = false;    // also those that never counted
    std::set<std::size_t> open;  // sources whose verdicts are listed

    bool device = false;   // the page of the selected source
    bool help = false;     // over the page
    bool command = false;  // the same
    bool typing = false;   // the filter
    bool paused = false;
    std::optional<double> cursor;  // the moment whose numbers are read, while paused

    // A source's number. Until somebody has moved it, it is the one at the top, so that what is in trouble is
    // seen.
    std::optional<std::size_t> selected;
    bool moved = false;
    std::size_t position = 0;  // where that was in the list: its successor's when it is gone
    int top = 0;               // the first line of the list that is shown
};

// What is shown and is neither counted nor chosen.
struct ViewContext {
    std::string host;
    std::string notice;  // the latest, as long as it is news
    DeviceFacts facts;   // of the selected source
    std::chrono::nanoseconds interval = {};
    double now = 0;          // on the clock of ScreenState
    double window = 0;       // seconds of the past that are shown
    double time_of_day = 0;  // what has to be added to a moment: seconds since midnight
    unsigned cpus = 0;       // that are online
};

// A key in the last line, which can be clicked.
struct KeyButton {
    int begin = 0;
    int end = 0;
    std::string key;  // "q", "Enter"
};

// Where things are on the page that was drawn.
struct DrawnPage {
    std::vector<std::optional<std::size_t>> source_at;  // a line: the source's number
    int list_end = 0;                                   // the first column behind the list
    std::size_t sources = 1;                            // how many the list shows: a page
    std::size_t window = 0;                             // of kWindows
    TimeColumns columns;                                // of the plot, or of the curves
    std::vector<KeyButton> keys;
};

}  // namespace tally::stats
