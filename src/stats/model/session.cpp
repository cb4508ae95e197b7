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
    has_origin_ = origin.has_value();
    unknown_past_ = !origin;
    if (origin) {
        lineage_ = origin->lineage;
        carried_ = origin->carried;
    }
    before_start_ = lineage_total();
}

void Session::replace_map(const Counters& reading, const std::optional<Origin>& origin) {
    if (!origin) {
        has_origin_ = false;
        carried_ = lineage_total();
        last_ = {};
        add(reading);
        return;
    }
    const Counters known = lineage_ == origin->lineage ? lineage_total() : known_of(*origin);
    last_ = reading;
    adopt(*origin, known);
}

void Session::set_origin(const Origin& origin) {
    adopt(origin, sum_of(known_of(origin), last_));
}

void Session::add(const Counters& reading) {
    for (std::size_t action = 0; action < reading.size(); ++action) {
        add_to(counted_[action], growth(last_[action], reading[action]));
    }
    last_ = reading;
}

Counters Session::known_of(const Origin& origin) const {
    if (lineage_ == origin.lineage) {
        return carried_;
    }
    return unknown_past_ ? origin.carried : Counters{};
}

// More is known than the total where the old map still counted after its counts were carried: then nothing is
// counted.
void Session::adopt(const Origin& origin, const Counters& known) {
    lineage_ = origin.lineage;
    carried_ = origin.carried;
    has_origin_ = true;
    unknown_past_ = false;
    const Counters total = lineage_total();
    for (std::size_t action = 0; action < total.size(); ++action) {
        counted_[action].rx_packets += excess(total[action].rx_packets, known[action].rx_packets);
        counted_[action].rx_bytes += excess(total[action].rx_bytes, known[action].rx_bytes);
    }
}

}  // namespace tally::stats
