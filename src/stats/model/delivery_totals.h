// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What became of the packets of one device, from each moment that totals count from. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/pins/counters.h"
#include "common/pins/delivery.h"
#include "common/pins/delivery_sums.h"
#include "stats/model/delivery_report.h"
#include "stats/model/sample_report.h"

namespace tally::stats {

// What the maps of the tracking held at one moment, of all devices.
struct DeliveryReading {
    DeliveryMeta meta;
    DeliveryCounts counts;
    std::set<std::uint32_t> shared;  // maps that the pins of several devices name

    bool overflowed() const {
        return std::any_of(counts.overflow.begin(), counts.overflow.end(),
                           [](std::uint64_t packets) { return packets != 0; });
    }
};

class DeliveryTotals {
  public:
    // Of the packets that the meta of a counter map speaks of. `joined`: all that the lineage has counted was
    // counted during the session.
    void take(const DeliveryReading& reading, const Meta& meta, bool joined);
    // Nothing is tracked now.
    void miss();

    struct Total {
        DeliverySums sums;
        bool complete = true;  // else it is what there was since the tracking began
    };
    Total map() const;
    Total lifetime() const;
    Total session() const;
    // Since the first load or the start of the tracking, whichever is known. It grows as long as the tracking
    // lasts.
    DeliverySums metrics() const;

  private:
    bool knows(const DeliveryBase& base) const { return base.instance == instance_; }
    Total since(const DeliveryBase& base) const;
    DeliverySums start_after_change(const DeliveryReading& reading, const Meta& meta) const;

    std::uint64_t instance_ = 0;  // of the tracking; 0: there has been none
    bool looked_ = false;
    Meta meta_ = {};
    DeliverySums now_;
    DeliverySums start_;         // of the session, as far as it is this meta's
    DeliverySums earlier_;       // of the session, of metas before this one
    DeliverySums before_start_;  // since the first load or the start of the tracking
    bool session_complete_ = true;
};

// Fills in the report's `delivery` beside its numbers. `time` is that of the sample: nanoseconds,
// CLOCK_MONOTONIC.
void fill_delivery(SampleReport& report, const DeliveryReading& reading, const Meta& meta,
                   const DeliveryTotals& totals, std::int64_t time);

}  // namespace tally::stats
