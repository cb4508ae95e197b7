// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// How a source's packets are spread over the CPUs. Pure.
#pragma once

#include <string>
#include <vector>

#include "stats/live/page/choice.h"
#include "stats/live/paint/heat_strip.h"

namespace tally::stats {

// One for each CPU up to the last that is online or has counted, coloured by its most frequent verdict.
std::vector<Heat> cpu_heats(const SampleReport& report, unsigned online);
// "128 CPUs, busiest cpu 3: 1.20 Mpkt/s, unevenness 4.2 (busiest / mean)", or less in a narrow line.
std::string cpu_text(const std::vector<Heat>& heats, int width);

}  // namespace tally::stats
