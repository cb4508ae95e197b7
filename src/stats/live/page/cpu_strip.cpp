// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/cpu_strip.h"

#include <fmt/format.h>

#include <algorithm>

#include "stats/live/page/numbers_text.h"
#include "stats/live/page/shown_rates.h"

namespace tally::stats {

CpuStrip cpu_strip_of(const ScreenSource& source, const LiveChoice& choice, unsigned online, int width,
                      int most_lines) {
    const SampleReport& report = source.report;
    CpuStrip strip;
    strip.known =
        shows_latest(source, choice) && (!report.cpus.empty() || report.total.count.rx_packets == 0);
    const unsigned last = report.cpus.empty() ? 0 : report.cpus.back().cpu + 1;
    strip.heats.resize(std::max(online, last));
    strip.layout = lay_out_heat(static_cast<int>(strip.heats.size()), width, most_lines);
    for (const CpuValues& cpu : report.cpus) {
        Heat& heat = strip.heats.at(cpu.cpu);
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
    const auto busy = std::count_if(strip.heats.begin(), strip.heats.end(),
                                    [](const Heat& heat) { return heat.value > 0; });
    strip.online = std::max<std::size_t>(online, static_cast<std::size_t>(busy));
    return strip;
}

std::string cpu_text(const CpuStrip& strip, int width) {
    const auto& heats = strip.heats;
    const auto busiest = std::max_element(heats.begin(), heats.end(),
                                          [](const Heat& a, const Heat& b) { return a.value < b.value; });
    const auto count = fmt::format("{} CPU{}", strip.online, strip.online == 1 ? "" : "s");
    if (!strip.known) {
        return count + ", packets of each not known";
    }
    if (busiest == heats.end() || !(busiest->value > 0)) {
        return count + ", no packets now";
    }
    const auto uneven = fmt::format("unevenness {:.1f}", unevenness(heats, strip.online));
    auto text = fmt::format("{}, busiest cpu {}: {}, {} (busiest / mean)", count, busiest - heats.begin(),
                            compact(busiest->value, "pkt/s"), uneven);
    return static_cast<int>(text.size()) <= width ? text : fmt::format("{}, {}", count, uneven);
}

void draw_cpus(Canvas& canvas, const Rect& rect, const CpuStrip& strip) {
    if (strip.known) {
        draw_heat(canvas, rect, strip.layout, strip.heats);
    }
}

}  // namespace tally::stats
