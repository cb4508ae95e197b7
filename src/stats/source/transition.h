// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A change that a loader has begun and not ended: for some time readers go on with what they have.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/pins/process_lock.h"

namespace tally::stats {

class Transition {
  public:
    static constexpr std::int64_t kLongest = std::chrono::nanoseconds(kLongestChange).count();

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
