// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/history.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tally::stats {
namespace {

// Seconds; less is the rounding error of a stretch that only touches a slot.
constexpr double kTouch = 1e-6;

std::int64_t slot_at(double moment, double step) {
    return static_cast<std::int64_t>(std::floor(moment / step));
}

}  // namespace

double Moment::total() const {
    return std::accumulate(pps.begin(), pps.end(), 0.0);
}

void History::Ring::advance(std::int64_t number) {
    const auto count = static_cast<std::int64_t>(slots.size());
    for (std::int64_t next = std::max(latest + 1, number - count + 1); next <= number; ++next) {
        slots[index_of(next)] = {};
    }
    latest = std::max(latest, number);
}

bool History::Ring::holds(std::int64_t number) const {
    return !slots.empty() && number >= 0 && number <= latest &&
           number > latest - static_cast<std::int64_t>(slots.size());
}

void History::add(double end, double seconds, const PacketRates& pps, double bps) {
    if (empty()) {
        begin_ = end - seconds;
        for (std::size_t level = 0; level < kLevels.size(); ++level) {
            rings_[level].slots.resize(kLevels[level].slots);
            rings_[level].latest = slot_at(end, kLevels[level].step);
        }
    }
    end_ = end;
    for (std::size_t level = 0; level < kLevels.size(); ++level) {
        Ring& ring = rings_[level];
        const double step = kLevels[level].step;
        const std::int64_t last = slot_at(end, step);
        ring.advance(last);
        const auto count = static_cast<std::int64_t>(ring.slots.size());
        for (std::int64_t number = std::max(slot_at(end - seconds, step), last - count + 1); number <= last;
             ++number) {
            const double left = static_cast<double>(number) * step;
            const double share = std::min(end, left + step) - std::max(end - seconds, left);
            if (share < kTouch || !ring.holds(number)) {
                continue;
            }
            Slot& slot = ring.slots[ring.index_of(number)];
            const auto part = static_cast<float>(share);
            for (std::size_t action = 0; action < pps.size(); ++action) {
                slot.packets[action] += pps[action] * part;
            }
            slot.bits += static_cast<float>(bps) * part;
            slot.seconds += part;
        }
    }
}

// The finest that goes back so far, or the coarsest.
std::size_t History::level_for(double begin) const {
    for (std::size_t level = 0; level + 1 < kLevels.size(); ++level) {
        const Ring& ring = rings_[level];
        const auto oldest = ring.latest + 1 - static_cast<std::int64_t>(ring.slots.size());
        if (static_cast<double>(oldest) * kLevels[level].step <= std::max(begin, begin_)) {
            return level;
        }
    }
    return kLevels.size() - 1;
}

void History::hold() {
    Held& held = held_.emplace(Held());  // clang takes a nested class for one without a default constructor
    if (empty()) {
        return;
    }
    held.end = end_;
    for (std::size_t level = 0; level < kLevels.size(); ++level) {
        const Ring& ring = rings_[level];
        held.slots[level] = ring.slots[ring.index_of(ring.latest)];
    }
}

const History::Slot* History::find(std::size_t level, std::int64_t number) const {
    const Ring& ring = rings_[level];
    if (held_ && !held_->end) {
        return nullptr;
    }
    if (held_) {
        const std::int64_t last = slot_at(*held_->end, kLevels[level].step);
        if (number >= last) {
            return number == last ? &held_->slots[level] : nullptr;
        }
    }
    return ring.holds(number) ? &ring.slots[ring.index_of(number)] : nullptr;
}

void History::resample(double begin, double step, std::span<Moment> columns) const {
    std::fill(columns.begin(), columns.end(), Moment());
    if (empty() || columns.empty()) {
        return;
    }
    const std::size_t level = level_for(begin);
    const Ring& ring = rings_[level];
    const double slot_step = kLevels[level].step;
    std::vector<double> seconds(columns.size());
    const double end = begin + step * static_cast<double>(columns.size());
    const std::int64_t last = std::min(slot_at(end, slot_step), ring.latest);
    const auto oldest = ring.latest + 1 - static_cast<std::int64_t>(ring.slots.size());
    for (std::int64_t number = std::max(slot_at(begin, slot_step), oldest); number <= last; ++number) {
        const Slot* const found = find(level, number);
        if (found == nullptr || !(found->seconds > 0)) {
            continue;
        }
        const Slot& slot = *found;
        const double left = static_cast<double>(number) * slot_step;
        const double from = std::max((left - begin) / step, 0.0);
        const double to = std::min((left + slot_step - begin) / step, static_cast<double>(columns.size()));
        for (auto at = static_cast<std::size_t>(from); at < columns.size() && static_cast<double>(at) < to;
             ++at) {
            const double share =
                (std::min(to, static_cast<double>(at) + 1) - std::max(from, static_cast<double>(at))) * step /
                slot_step;
            if (share * slot_step < kTouch) {
                continue;
            }
            Moment& column = columns[at];
            for (std::size_t action = 0; action < column.pps.size(); ++action) {
                column.pps[action] += static_cast<double>(slot.packets[action]) * share;
            }
            column.bps += static_cast<double>(slot.bits) * share;
            seconds[at] += static_cast<double>(slot.seconds) * share;
        }
    }
    for (std::size_t at = 0; at < columns.size(); ++at) {
        Moment& column = columns[at];
        column.known = seconds[at] > 0;
        if (column.known) {
            for (double& rate : column.pps) {
                rate /= seconds[at];
            }
            column.bps /= seconds[at];
        }
    }
}

Moment History::read(double from, double to) const {
    Moment moment;
    resample(from, std::max(to - from, kTouch), {&moment, 1});
    return moment;
}

}  // namespace tally::stats
