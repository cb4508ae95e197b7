// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Round numbers and times of day for the axes of a plot. Pure.
#pragma once

#include <string>
#include <vector>

namespace tally::stats {

// The axis's end: 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten.
double axis_end(double most);
// "0", "2.5 k", "40 M".
std::string axis_label(double value);

// Into how many equal parts such an axis of so many lines is divided: the parts are round, too.
int axis_parts(double end, int height);

// Seconds since midnight as "12:04:30", "12:04" where whole minutes are enough.
std::string time_text(double seconds, bool with_seconds);

// The round moments between two, at most so many, and how they are written.
struct TimeTicks {
    std::vector<double> moments;
    bool with_seconds = false;
};
TimeTicks time_ticks(double begin, double end, int most);

// "500 ms", "2 s", "1.5 min".
std::string span_text(double seconds);

}  // namespace tally::stats
