// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The latest rates of one source, in bounded memory: fine for minutes, coarser for an hour. Pure: moments are
// seconds of a clock that never goes back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/pins/abi_names.h"

namespace tally::stats {

inline constexpr std::size_t kAllActions = kActions;  // stands for the sum of all actions

// The mean rates of a stretch of time.
struct Moment {
    std::array<double, kActions> pps = {};
    double bps = 0;
    bool known = false;  // something was measured in it

    double total() const;
    double of(std::size_t action) const { return action == kAllActions ? total() : pps[action]; }
};

class History {
  public:
    // Seconds of one slot, and how many slots are kept.
    struct Level {
        double step;
        std::size_t slots;
    };
    static constexpr std::array<Level, 3> kLevels = {{{1, 400}, {5, 270}, {20, 270}}};

    using PacketRates = std::array<float, kActions>;

    // The rates from `end - seconds` to `end`.
    void add(double end, double seconds, const PacketRates& pps, double bps);

    bool empty() const { return rings_[0].slots.empty(); }
    // When the first sample began; what is older than the ring is forgotten all the same.
    double begin() const { return begin_; }

    // The mean rates between two moments.
    Moment read(double from, double to) const;
    // Columns of `step` seconds each, the first beginning at `begin`.
    void resample(double begin, double step, std::span<Moment> columns) const;

    // What is added from now on is not read until the end of that. The rings go on, so that what is read gets
    // coarser after minutes, and ends after an hour; a copy that nothing is added to stays as it is.
    void hold();
    void release() { held_.reset(); }

  private:
    // Packets, bits and the seconds in which they were counted.
    struct Slot {
        std::array<float, kActions> packets = {};
        float bits = 0;
        float seconds = 0;
    };
    // A thousand sources should fit into 30 MB.
    static_assert((kLevels[0].slots + kLevels[1].slots + kLevels[2].slots) * sizeof(Slot) < 28'000);
    struct Ring {
        std::vector<Slot> slots;  // number n, from `step * n` seconds on, is at n modulo their count
        std::int64_t latest = 0;

        void advance(std::int64_t number);
        bool holds(std::int64_t number) const;
        std::size_t index_of(std::int64_t number) const {
            return static_cast<std::size_t>(number) % slots.size();
        }
    };

    // What was being filled, by level, when the history was held.
    struct Held {
        std::optional<double> end;  // none: there was nothing
        std::array<Slot, kLevels.size()> slots = {};
    };

    std::size_t level_for(double begin) const;
    // None: nothing is known of it.
    const Slot* find(std::size_t level, std::int64_t number) const;

    std::array<Ring, kLevels.size()> rings_;
    double begin_ = 0;
    double end_ = 0;  // of the latest sample
    std::optional<Held> held_;
};

}  // namespace tally::stats
