// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/cpu_strip.h"

#include <fmt/format.h>

#include <algorithm>

#include "stats/live/page/numbers_text.h"

namespace tally::stats {

std::vector<Heat> cpu_heats(const SampleReport& report, unsigned online) {
    std::size_t count = online;
    for (const CpuValues& cpu : report.cpus) {
        count = std::max<std::size_t>(count, cpu.cpu + 1);
    }
    std::vector<Heat> heats(count);
    for (const CpuValues& cpu : report.cpus) {
        Heat& heat = heats.at(cpu.cpu);
        double most = 0;
        for (std::size_t action = 0; action < cpu.actions.size(); ++action) {
            const double rate = cpu.actions[action].rate.pps;
            heat.value += rate;
            if (rate > most) {
                most = rate;
                heat.ink = ink_of(action);
            }
        }
    }
    return heats;
}

std::string cpu_text(const std::vector<Heat>& heats, int width) {
    const auto busiest = std::max_element(heats.begin(), heats.end(),
                                          [](const Heat& a, const Heat& b) { return a.value < b.value; });
    const auto count = fmt::format("{} CPU{}", heats.size(), heats.size() == 1 ? "" : "s");
    if (busiest == heats.end() || !(busiest->value > 0)) {
        return count + ", no packets now";
    }
    const auto uneven = fmt::format("unevenness {:.1f}", unevenness(heats));
    auto text = fmt::format("{}, busiest cpu {}: {}, {} (busiest / mean)", count, busiest - heats.begin(),
                            compact(busiest->value, "pkt/s"), uneven);
    return static_cast<int>(text.size()) <= width ? text : fmt::format("{}, {}", count, uneven);
}

}  // namespace tally::stats
