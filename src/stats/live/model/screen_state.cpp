// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/screen_state.h"

#include <linux/bpf.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace tally::stats {
Counter total_of(const ScreenSource& source, std::size_t action) {
    Counter total = {};
    for (std::size_t one = 0; one < source.report.actions.size(); ++one) {
        if (action != kAllActions && action != one) {
            continue;
        }
        const Counter& session = source.report.actions[one].session;
        if (source.zero) {
            add_to(total, growth((*source.zero)[one], session));
        } else {
            add_to(total, source.report.before_start[one]);
            add_to(total, session);
        }
    }
    return total;
}

bool never_counted(const ScreenSource& source, std::size_t action) {
    const Counter total = total_of(source, action);
    return total.rx_packets == 0 && total.rx_bytes == 0;
}

Rate rate_of(const ScreenSource& source, std::size_t action) {
    if (!source.report.readable) {
        return {};
    }
    return action == kAllActions ? source.report.total.rate : source.report.actions[action].rate;
}

std::string name_without_netns(const ScreenSource& source) {
    const SampleReport& report = source.report;
    std::string name = title_with_place(report);
    if (report.netns && report.device) {
        // The title is the namespace, a slash, and the device, whose name has none.
        const std::size_t begin = report.title.rfind('/') + 1;
        name.erase(0, std::min(begin, name.size()));
    }
    return name;
}

void ScreenState::take(std::size_t number, const SampleReport& report, double now) {
    const auto [found, appeared] = sources_.try_emplace(number);
    ScreenSource& source = found->second;
    if (appeared) {
        source.number = number;
        if (zero_ != Zero::kNone) {
            source.zero = Counters();
        }
    }
    const auto generation = [](const SampleReport& of) {
        return of.program ? of.program->generation : std::uint64_t{0};
    };
    if (source.report.map_id != 0 && report.map_id != 0 &&
        (source.report.map_id != report.map_id || generation(source.report) != generation(report))) {
        if (source.replacements.size() == ScreenSource::kReplacements) {
            source.replacements.erase(source.replacements.begin());
        }
        source.replacements.push_back({now, generation(report)});
    }
    if (appeared || source.report.title != report.title) {
        std::erase(by_name_, number);
        by_name_.insert(place_of(report.title), number);
    }
    source.report = report;
    if (report.readable && report.period > 0) {
        History::PacketRates pps = {};
        for (std::size_t action = 0; action < pps.size(); ++action) {
            pps[action] = static_cast<float>(report.actions[action].rate.pps);
        }
        source.last_packet = report.total.rate.pps > 0 ? now : source.last_packet;
        source.last_aborted = pps[XDP_ABORTED] > 0 ? now : source.last_aborted;
        source.history.add(now, report.period, pps, report.total.rate.bps);
    }
}

void ScreenState::forget(std::size_t number) {
    std::erase(by_name_, number);
    sources_.erase(number);
}

std::vector<std::size_t>::iterator ScreenState::place_of(const std::string& title) {
    return std::lower_bound(
        by_name_.begin(), by_name_.end(), title, [&](std::size_t number, const std::string& name) {
            return ::strverscmp(sources_.at(number).report.title.c_str(), name.c_str()) < 0;
        });
}

void ScreenState::reset_zero() {
    zero_ = Zero::kReset;
    for (auto& [number, source] : sources_) {
        Counters& zero = source.zero.emplace();
        for (std::size_t action = 0; action < zero.size(); ++action) {
            zero[action] = source.report.actions[action].session;
        }
    }
}

const ScreenSource* ScreenState::find(std::size_t number) const {
    const auto known = sources_.find(number);
    return known == sources_.end() ? nullptr : &known->second;
}

}  // namespace tally::stats
