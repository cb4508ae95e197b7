// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What each possible CPU has counted since this command started. Pure.
//
// The counts of maps that came and went unseen are missing: the meta carries totals, not counts per CPU.
#pragma once

#include <cstdint>
#include <vector>

#include "common/pins/counters.h"

namespace tally::stats {

class CpuSession {
  public:
    using Reading = std::vector<Counters>;  // one entry per possible CPU

    // From one reading of a map to the next; the first is both.
    void add(const Reading& before, const Reading& now);

    // Another map replaces the one whose last reading is `last`. It counts from zero; where a load failed and
    // the earlier map returns, from the earlier map's last reading.
    void replace_map(std::uint32_t old_id, const Reading& last, std::uint32_t id, const Reading& reading);

    const Reading& counted() const { return counted_; }

  private:
    Reading counted_;
    std::uint32_t map_before_ = 0;
    Reading last_of_map_before_;
};

}  // namespace tally::stats
