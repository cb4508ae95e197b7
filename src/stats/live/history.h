// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The latest rates of one source, in fixed memory. Pure: moments are seconds of a clock that never goes back.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "common/pins/abi_names.h"

namespace tally::stats {

inline constexpr std::size_t kAllActions = kActions;  // stands for the sum of all actions

class History {
  public:
    static constexpr std::size_t kSamples = 300;

    using PacketRates = std::array<float, kActions>;

    // The rates from `end - seconds` to `end`.
    void add(double end, double seconds, const PacketRates& pps);

    std::size_t size() const { return size_; }
    // How far back it goes; 0 where there is nothing.
    double span(double now) const;

    // The mean rate of each column of `bucket` seconds; the last one holds `now`. NaN where nothing is known.
    // Columns begin at multiples of `bucket`, so that one that was drawn moves, but does not change.
    void resample(std::size_t action, double now, double bucket, std::span<double> columns) const;

  private:
    struct Entry {
        double end = 0;
        float seconds = 0;
        PacketRates pps = {};
    };

    const Entry& entry(std::size_t age) const { return entries_[(next_ + kSamples - 1 - age) % kSamples]; }

    std::array<Entry, kSamples> entries_ = {};
    std::size_t next_ = 0;
    std::size_t size_ = 0;
};

}  // namespace tally::stats
