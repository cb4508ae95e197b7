// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/screen_state.h"

#include <linux/bpf.h>

#include <algorithm>
#include <string>

namespace tally::stats {
namespace {

bool is_zero(const Counter& counter) {
    return counter.rx_packets == 0 && counter.rx_bytes == 0;
}

// The total of one action.
std::optional<Counter> shown_of(const ScreenSource& source, std::size_t action) {
    const CounterValues& values = source.report.actions[action];
    if (source.zero) {
        return growth(source.zero->counted[action], values.session);
    }
    return choose<std::optional<Counter>>(source.totals, values.count, values.lifetime, values.session);
}

// Never below zero: packets of the moment of a replacement may be in `before`, and left out later.
Fate fate_since(const Fate& before, const Fate& now) {
    const auto less = [](std::uint64_t packets, std::uint64_t earlier) {
        return packets - std::min(packets, earlier);
    };
    Fate grown;
    grown.delivered = less(now.delivered, before.delivered);
    for (Loss loss : now.losses) {
        const auto earlier =
            std::find_if(before.losses.begin(), before.losses.end(),
                         [&](const Loss& candidate) { return candidate.reason == loss.reason; });
        loss.packets = less(loss.packets, earlier == before.losses.end() ? 0 : earlier->packets);
        if (loss.packets > 0) {
            grown.lost += loss.packets;
            grown.losses.push_back(loss);
        }
    }
    sort_losses(grown.losses);
    return grown;
}

// In no map that is known of.
bool has_counted_nothing_ever(const SampleReport& report, std::size_t action) {
    Counters all = report.before_start;
    for (std::size_t one = 0; one < all.size(); ++one) {
        add_to(all[one], report.actions[one].session);
    }
    return is_zero(action == kAllActions ? sum_of_actions(all) : all[action]);
}

}  // namespace

std::optional<Counter> total_of(const ScreenSource& source, std::size_t action) {
    Counter total = {};
    for (std::size_t one = 0; one < source.report.actions.size(); ++one) {
        if (action != kAllActions && action != one) {
            continue;
        }
        const auto part = shown_of(source, one);
        if (!part) {
            return std::nullopt;
        }
        add_to(total, *part);
    }
    return total;
}

std::optional<Fate> fate_of(const ScreenSource& source, std::size_t action) {
    const DeliveryReport& delivery = source.report.delivery;
    if (source.zero) {
        const auto& before = source.zero->fates.at(action);
        const auto& now = delivery.session.at(action);
        // A tracking that began after the reset has seen nothing of what was before.
        const bool same = source.zero->tracked_since == delivery.since;
        return now && before && same ? fate_since(*before, *now) : now;
    }
    return choose(source.totals, delivery.count.at(action), delivery.lifetime.at(action),
                  delivery.session.at(action));
}

std::optional<std::uint64_t> lost_of(const ScreenSource& source) {
    std::uint64_t lost = 0;
    bool all_known = true;
    for (const Action action : kSentOn) {
        const auto fate = fate_of(source, static_cast<std::size_t>(action));
        lost += fate ? fate->lost : 0;
        all_known = all_known && fate;
    }
    return all_known || lost > 0 ? std::optional(lost) : std::nullopt;
}

bool never_counted(const ScreenSource& source, std::size_t action) {
    const auto total = total_of(source, action);
    if (total && !is_zero(*total)) {
        return false;
    }
    return source.zero || source.totals == Totals::kSession ||
           has_counted_nothing_ever(source.report, action);
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

void SourceEvents::note(const SampleReport& report, double now) {
    const std::uint64_t next = report.program ? report.program->generation : 0;
    if (map_id != 0 && report.map_id != 0 && (map_id != report.map_id || generation != next)) {
        if (replacements.size() == kReplacements) {
            replacements.erase(replacements.begin());
        }
        replacements.push_back({now, next});
    }
    map_id = report.map_id;
    generation = next;
    note_losses(report.delivery, now);
    if (report.readable && report.period > 0) {
        last_packet = report.total.rate.pps > 0 ? now : last_packet;
        last_aborted = report.actions[XDP_ABORTED].rate.pps > 0 ? now : last_aborted;
    }
}

// Not by the rate, which is not known of the first losses if they are told of a sample later than the
// packets.
void SourceEvents::note_losses(const DeliveryReport& delivery, double now) {
    lost = tracked_since == delivery.since ? lost : 0;
    tracked_since = delivery.since;
    std::uint64_t known = 0;
    for (const auto& fate : delivery.session) {
        known += fate ? fate->lost : 0;
    }
    if (known > lost) {
        last_lost = now;
        lost = known;
    }
}

void ScreenState::add_to(History& history, const SampleReport& report, double now) {
    if (!report.readable || !(report.period > 0)) {
        return;
    }
    History::PacketRates pps = {};
    for (std::size_t action = 0; action < pps.size(); ++action) {
        pps[action] = static_cast<float>(report.actions[action].rate.pps);
    }
    history.add(now, report.period, pps, report.total.rate.bps);
}

void ScreenState::begin(ScreenSource& source, std::size_t number) const {
    source.number = number;
    source.totals = totals_;
    if (reset_) {
        source.zero.emplace();
    }
}

void ScreenState::show(ScreenSource& source, const SampleReport& report, bool appeared) {
    if (appeared || source.report.title != report.title) {
        std::erase(by_name_, source.number);
        by_name_.insert(place_of(report), source.number);
    }
    source.report = report;
}

void ScreenState::take(std::size_t number, const SampleReport& report, double now) {
    if (held_) {
        take_held(number, report, now);
        return;
    }
    const auto [found, appeared] = sources_.try_emplace(number);
    ScreenSource& source = found->second;
    if (appeared) {
        begin(source, number);
    }
    source.events.note(report, now);
    add_to(source.history, report, now);
    show(source, report, appeared);
}

void ScreenState::take_held(std::size_t number, const SampleReport& report, double now) {
    const auto shown = sources_.find(number);
    if (shown == sources_.end()) {
        ScreenSource& source = held_->arrived[number];
        source.events.note(report, now);
        add_to(source.history, report, now);
        return;
    }
    held_->events.try_emplace(number, shown->second.events).first->second.note(report, now);
    const auto copy = held_->copies.find(number);
    add_to(copy != held_->copies.end() ? copy->second : shown->second.history, report, now);
}

void ScreenState::forget(std::size_t number) {
    if (held_) {
        held_->arrived.erase(number);
        held_->gone.insert(number);
        return;
    }
    std::erase(by_name_, number);
    sources_.erase(number);
}

void ScreenState::hold() {
    held_.emplace();
    for (auto& [number, source] : sources_) {
        source.history.hold();
    }
}

void ScreenState::keep_history(std::size_t number) {
    const auto source = sources_.find(number);
    if (held_ && source != sources_.end() && held_->copies.size() < Held::kCopies) {
        held_->copies.try_emplace(number, source->second.history);
    }
}

void ScreenState::release(const Latest& latest) {
    if (!held_) {
        return;
    }
    Held held = std::move(*held_);
    held_.reset();
    for (const std::size_t number : held.gone) {
        forget(number);
    }
    for (auto& [number, source] : held.arrived) {
        begin(source, number);
        sources_.emplace(number, std::move(source));
    }
    for (auto& [number, source] : sources_) {
        if (const auto events = held.events.find(number); events != held.events.end()) {
            source.events = std::move(events->second);
        }
        if (const auto copy = held.copies.find(number); copy != held.copies.end()) {
            source.history = std::move(copy->second);
        }
        source.history.release();
        if (const SampleReport* const report = latest(number)) {
            show(source, *report, held.arrived.contains(number));
        }
    }
}

std::vector<std::size_t>::iterator ScreenState::place_of(const SampleReport& report) {
    return std::lower_bound(by_name_.begin(), by_name_.end(), report,
                            [&](std::size_t number, const SampleReport& other) {
                                return is_listed_before(sources_.at(number).report, other);
                            });
}

void ScreenState::choose_totals(Totals totals) {
    totals_ = totals;
    reset_ = false;
    for (auto& [number, source] : sources_) {
        source.totals = totals;
        source.zero.reset();
    }
}

void ScreenState::reset_totals() {
    reset_ = true;
    for (auto& [number, source] : sources_) {
        SessionAtReset& zero = source.zero.emplace();
        for (std::size_t action = 0; action < zero.counted.size(); ++action) {
            zero.counted[action] = source.report.actions[action].session;
        }
        zero.fates = source.report.delivery.session;
        zero.tracked_since = source.report.delivery.since;
    }
}

const ScreenSource* ScreenState::find(std::size_t number) const {
    const auto known = sources_.find(number);
    return known == sources_.end() ? nullptr : &known->second;
}

}  // namespace tally::stats
