// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A table's columns: which there is room for, and what is written into them. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "stats/live/canvas.h"
#include "stats/live/frame.h"
#include "stats/live/screen_state.h"

namespace tally::stats {

struct Column {
    int end = 0;  // 0: there is no room for it
    int width = 0;
};

struct Columns {
    int name_end = 0;
    Column packets, bytes, pps, bps;
    int spark = 0;
    int spark_width = 0;
};

Columns lay_out(int width, int name_width, Units units);

// `seconds`: that the sparklines show.
void write_titles(Canvas& canvas, int y, const Columns& columns, Units units, std::string_view name,
                  double seconds);
// The totals and rates of an action, or of kAllActions.
void write_numbers(Canvas& canvas, int y, const Columns& columns, Units units, const ScreenSource& source,
                   std::size_t action, Style style);
void write_spark(Canvas& canvas, int y, const Columns& columns, const ScreenSource& source,
                 std::size_t action, double now, double seconds, Style style);

// The rows there are: actions that have counted, or all.
std::vector<std::size_t> actions_to_show(const ScreenSource& source, bool all);

// How many seconds to show, at most so many intervals: as few as hold a good part of what is known.
double time_window(const ScreenState& model, const ViewContext& context, double most);

// "2.99 k".
std::string scaled(double value);
// "500 ms", "2 s", "1.5 min".
std::string span_text(double seconds);

}  // namespace tally::stats
