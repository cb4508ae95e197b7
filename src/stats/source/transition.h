// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A change that a loader has begun and not ended: for some time readers go on with what they have.
#pragma once

#include <cstdint>
#include <optional>

namespace tally::stats {

class Transition {
  public:
    // Undoing a load that failed can take a loader that long. One that takes longer is stuck.
    static constexpr std::int64_t kLongest = 2'000'000'000;  // nanoseconds

    // The change is seen to be under way at `now` (CLOCK_MONOTONIC). Whether to wait for its end.
    bool wait(std::int64_t now) {
        began_ = began_.value_or(now);
        return now - *began_ < kLongest;
    }
    void end() { began_.reset(); }
    bool active() const { return began_.has_value(); }

  private:
    std::optional<std::int64_t> began_;
};

}  // namespace tally::stats
