// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// How a source's packets are spread over the CPUs. Pure.
#pragma once

#include <string>
#include <vector>

#include "stats/live/model/choice.h"
#include "stats/live/model/screen_state.h"
#include "stats/live/paint/heat_strip.h"

namespace tally::stats {

struct CpuStrip {
    // Of as many CPUs as are online, or up to one behind them that has counted; coloured by the most frequent
    // verdict.
    std::vector<Heat> heats;
    HeatLayout layout;
    std::size_t online = 0;
    bool known = false;  // not of a moment in the past, and not where they share the counters
};
CpuStrip cpu_strip_of(const ScreenSource& source, const LiveChoice& choice, unsigned online, int width,
                      int most_lines);

// "128 CPUs, busiest cpu 3: 1.20 Mpkt/s, unevenness 4.2 (busiest / mean)", or less in a narrow line.
std::string cpu_text(const CpuStrip& strip, int width);
void draw_cpus(Canvas& canvas, const Rect& rect, const CpuStrip& strip);

}  // namespace tally::stats
