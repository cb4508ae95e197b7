// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/screen_state.h"

#include <linux/bpf.h>

#include <algorithm>
#include <array>

namespace tally::stats {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMillisecond;
constexpr std::array<std::int64_t, 10> kIntervals = {
    100 * kMillisecond, 200 * kMillisecond, 500 * kMillisecond, kSecond,      2 * kSecond,
    5 * kSecond,        10 * kSecond,       20 * kSecond,       30 * kSecond, 60 * kSecond};

double rank(const ScreenSource& source, Sort sort) {
    switch (sort) {
        case Sort::kPackets:
            return rate_of(source, kAllActions).pps;
        case Sort::kDrops:
            return rate_of(source, XDP_DROP).pps;
        case Sort::kName:
            break;
    }
    return 0;
}

}  // namespace

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

bool is_idle(const ScreenSource& source, std::size_t action) {
    const Counter total = total_of(source, action);
    return total.rx_packets == 0 && total.rx_bytes == 0;
}

Rate rate_of(const ScreenSource& source, std::size_t action) {
    if (!source.report.readable) {
        return {};
    }
    return action == kAllActions ? source.report.total.rate : source.report.actions[action].rate;
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
    const auto generation = [](const SampleReport& of) { return of.program ? of.program->generation : 0; };
    if (source.report.map_id != 0 && report.map_id != 0 &&
        (source.report.map_id != report.map_id || generation(source.report) != generation(report))) {
        source.replaced = now;
    }
    source.report = report;
    if (report.readable && report.period > 0) {
        History::PacketRates pps = {};
        for (std::size_t action = 0; action < pps.size(); ++action) {
            pps[action] = static_cast<float>(report.actions[action].rate.pps);
        }
        source.history.add(now, report.period, pps);
    }
}

void ScreenState::forget(std::size_t number) {
    sources_.erase(number);
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

Rate ScreenState::total_rate() const {
    Rate sum;
    for (const auto& [number, source] : sources_) {
        const Rate rate = rate_of(source, kAllActions);
        sum.pps += rate.pps;
        sum.bps += rate.bps;
    }
    return sum;
}

double ScreenState::span(double now) const {
    double span = 0;
    for (const auto& [number, source] : sources_) {
        span = std::max(span, source.history.span(now));
    }
    return span;
}

std::vector<const ScreenSource*> sorted(const ScreenState& model, Sort sort) {
    std::vector<const ScreenSource*> order;
    order.reserve(model.sources().size());
    for (const auto& [number, source] : model.sources()) {
        order.push_back(&source);
    }
    std::stable_sort(order.begin(), order.end(), [&](const ScreenSource* a, const ScreenSource* b) {
        const double first = rank(*a, sort);
        const double second = rank(*b, sort);
        return first != second ? first > second : is_listed_before(a->report, b->report);
    });
    return order;
}

std::int64_t longer_interval(std::int64_t nanoseconds) {
    const auto* const step = std::upper_bound(kIntervals.begin(), kIntervals.end(), nanoseconds);
    return step == kIntervals.end() ? nanoseconds : *step;
}

std::int64_t shorter_interval(std::int64_t nanoseconds) {
    const auto* const step = std::lower_bound(kIntervals.begin(), kIntervals.end(), nanoseconds);
    return step == kIntervals.begin() ? nanoseconds : *(step - 1);
}

}  // namespace tally::stats
