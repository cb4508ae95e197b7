// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/time_window.h"

#include <algorithm>
#include <cmath>

namespace tally::stats {
namespace {

// Seconds of a column: what divides a minute, an hour, or goes evenly into them.
constexpr std::array<double, 27> kSteps = {0.1,  0.2, 0.25, 0.3, 0.4, 0.5,  0.6, 0.75, 1,
                                           1.25, 1.5, 2,    2.5, 3,   3.75, 4,   5,    6,
                                           7.5,  10,  12,   15,  20,  24,   30,  60,   120};

}  // namespace

TimeColumns time_columns(double now, double window, std::size_t count) {
    if (count == 0) {
        return {now, 1, 0};
    }
    const auto room = static_cast<double>(count);
    const auto* const found =
        std::find_if(kSteps.begin(), kSteps.end(), [&](double step) { return step * room >= window; });
    TimeColumns columns;
    columns.step = found != kSteps.end() ? *found : std::ceil(window / room);
    columns.count = count;
    columns.begin = (std::floor(now / columns.step) + 1 - static_cast<double>(columns.count)) * columns.step;
    return columns;
}

}  // namespace tally::stats
