// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/session.h"

#include "stats/model/rates.h"

namespace tally::stats {
namespace {

std::uint64_t excess(std::uint64_t of, std::uint64_t over) {
    return of > over ? of - over : 0;
}

}  // namespace

void Session::start_with(const Counters& reading, const std::optional<Origin>& origin) {
    last_ = reading;
    before_start_ = origin ? sum_of(origin->carried, reading) : reading;
    unknown_past_ = !origin;
    if (origin) {
        lineage_ = origin->lineage;
        before_ = origin->carried;
    }
}

void Session::take_up(const Counters& reading, const std::optional<Origin>& origin) {
    const Counters seen = seen_of_lineage();
    early_.reset();
    if (!origin) {
        before_ = seen;
        count_from_zero(reading);
    } else if (lineage_ == origin->lineage) {
        count_difference(seen, sum_of(origin->carried, reading));
        before_ = origin->carried;
    } else {
        // A lineage that began after the session did. What its earlier maps held is the session's, unless
        // the session has no way to tell when it began.
        if (!unknown_past_) {
            count_from_zero(origin->carried);
        }
        count_from_zero(reading);
        before_ = origin->carried;
    }
    if (origin) {
        lineage_ = origin->lineage;
        unknown_past_ = false;
    }
    last_ = reading;
}

void Session::take_up_early(const Counters& reading) {
    before_ = seen_of_lineage();
    early_ = Counters{};
    last_ = reading;
}

void Session::set_origin(const Origin& origin) {
    if (lineage_ == origin.lineage) {
        count_difference(seen_of_lineage(), sum_of(origin.carried, last_));
    } else if (early_) {
        // The first map of a lineage that began after the session did, as in take_up.
        count_difference(*early_, unknown_past_ ? last_ : sum_of(origin.carried, last_));
    }
    early_.reset();
    lineage_ = origin.lineage;
    before_ = origin.carried;
    unknown_past_ = false;
}

void Session::add(const Counters& reading) {
    for (std::size_t action = 0; action < reading.size(); ++action) {
        const Counter counted = growth(last_[action], reading[action]);
        add_to(counted_[action], counted);
        if (early_) {
            add_to((*early_)[action], counted);
        }
    }
    last_ = reading;
}

Counters Session::seen_of_lineage() const {
    return sum_of(before_, early_.value_or(last_));
}

void Session::count_from_zero(const Counters& reading) {
    counted_ = sum_of(counted_, reading);
}

void Session::count_difference(const Counters& seen, const Counters& now) {
    for (std::size_t action = 0; action < now.size(); ++action) {
        counted_[action].rx_packets += excess(now[action].rx_packets, seen[action].rx_packets);
        counted_[action].rx_bytes += excess(now[action].rx_bytes, seen[action].rx_bytes);
    }
}

}  // namespace tally::stats
