// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The verdicts of one source with all their numbers: a wide table, or a narrow legend beside a plot. Pure.
#pragma once

#include <string>

#include "stats/live/model/choice.h"
#include "stats/live/model/screen_state.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

// "since 2026-01-31T12:00:00.123Z", where losses are only known from then on, and totals count from earlier.
std::string tracked_since(const ScreenSource& source);

// With titles, a line for the sum, and why packets were lost, in such a width.
int verdict_table_lines(const ScreenSource& source, const LiveChoice& choice, int width);
// `step`: the seconds that the cursor stands for.
void draw_verdict_table(Canvas& canvas, const Rect& rect, const ScreenSource& source,
                        const LiveChoice& choice, double step);

inline constexpr int kLegendWidth = 30;
void draw_legend(Canvas& canvas, const Rect& rect, const ScreenSource& source, const LiveChoice& choice,
                 double step);
// The same in one line.
void draw_legend_line(Canvas& canvas, const Rect& rect, const ScreenSource& source, const LiveChoice& choice,
                      double step);

}  // namespace tally::stats
