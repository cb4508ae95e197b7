// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Reads what became of packets, of all devices at once (<xdp_tally/delivery.h>). Needs no privilege.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "common/base/result.h"
#include "common/pins/delivery.h"
#include "common/pins/netns_context.h"
#include "stats/model/delivery_totals.h"

namespace tally::stats {

class DeliveryReader {
  public:
    // The maps are below the root of bpffs that `context` has.
    explicit DeliveryReader(const NetnsContext& context);

    // At the beginning of each round, before any counter: then nothing is seen to arrive or to be lost that
    // is not counted yet. An error leaves no reading, and is the obstacle. Where nothing is tracked, that is
    // asked again after a tenth of a second at the earliest.
    Result<void> read();

    // None: nothing is tracked, or it cannot be read.
    const std::optional<DeliveryReading>& reading() const { return reading_; }
    // Why it cannot be read; empty where nothing is tracked.
    const std::string& obstacle() const { return obstacle_; }
    // What to do where nothing is tracked: the command, as it has to be typed here.
    const std::string& hint() const { return hint_; }

  private:
    Result<std::optional<DeliveryReading>> try_to_read();
    Result<void> open();
    Result<std::set<std::uint32_t>> shared_cpumaps(const DeliveryCounts& counts) const;

    std::string root_;
    std::string hint_;
    std::string obstacle_;
    std::optional<DeliveryMaps> maps_;
    std::chrono::steady_clock::time_point untracked_until_;
    std::optional<DeliveryReading> reading_;
};

}  // namespace tally::stats
