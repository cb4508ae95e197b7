// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What was counted since this command started, across every map that took its turn. Pure.
//
// Within a lineage (the generations between a first load and its unload) a metadata record says what all
// earlier maps held, so `carried` plus the map is the lineage's exact total, and the difference of two such
// totals is exact however many generations came and went unseen between them. Without a record, a map counts
// from zero when it first appears.
#pragma once

#include <cstdint>
#include <optional>

#include "common/pins/counters.h"

namespace tally::stats {

// What the metadata record of a map says about the maps before it.
struct Origin {
    std::uint64_t lineage = 0;
    Counters carried = {};
};

class Session {
  public:
    // The map that was there when the session started; `reading` was counted before.
    void start_with(const Counters& reading, const std::optional<Origin>& origin);

    // A map that appeared since: the first one, or one in the place of another, whose last reading has been
    // given to add(). `reading` is the new map's first.
    void take_up(const Counters& reading, const std::optional<Origin>& origin);

    // A map that appeared before its record, which is on its way: what it holds already may have been moved
    // there from the map before, and been counted. That is left out until the record tells.
    void take_up_early(const Counters& reading);

    // Another record for the same map: its program was replaced and the map reused, or the record of a new
    // map appeared after the map.
    void set_origin(const Origin& origin);

    // A further reading of the map.
    void add(const Counters& reading);

    const Counters& counted() const { return counted_; }
    // What the maps had counted when the session started: that of one without a record, or of a lineage.
    const Counters& before_start() const { return before_start_; }

  private:
    void count_from_zero(const Counters& reading);
    // What the lineage has counted as far as it was seen.
    Counters seen_of_lineage() const;
    // Adds what `now` is above `seen`. Never less than nothing: a map that was still being fed when its
    // successor's record was written shows up as more seen than carried.
    void count_difference(const Counters& seen, const Counters& now);

    Counters counted_ = {};
    Counters before_start_ = {};
    Counters last_ = {};    // the latest reading of the current map
    Counters before_ = {};  // what the current map's lineage had counted when the map took its turn
    // What the current map has counted since it was taken up early, as long as its record has not come.
    std::optional<Counters> early_;
    std::optional<std::uint64_t> lineage_;
    bool unknown_past_ = false;  // the session started with a map without a record
};

}  // namespace tally::stats
