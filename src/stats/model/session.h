// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What was counted since this command started, and since the first load, across all maps that replaced one
// another. Pure.
//
// A lineage is the generations between a first load and its unload. The meta of a map carries what all other
// maps of its lineage have counted, so `carried` plus the map is the lineage's exact total, and the
// difference of two such totals is exact however many maps came and went unseen between them. Without a meta,
// a map counts from zero when it first appears.
#pragma once

#include <cstdint>
#include <optional>

#include "common/pins/counters.h"

namespace tally::stats {

// What the meta of a map says about the other maps of its lineage.
struct Origin {
    std::uint64_t lineage = 0;
    Counters carried = {};
};

class Session {
  public:
    // The map that was there when the session started; `reading` was counted before.
    void start_with(const Counters& reading, const std::optional<Origin>& origin);

    // A map that appeared since: the first one, or one that replaces another, whose last reading has been
    // given to add(). `reading` is the new map's first. Without `origin` it is taken for a map of the same
    // lineage.
    void replace_map(const Counters& reading, const std::optional<Origin>& origin);

    // Another meta for the same map: its program was replaced, the meta appeared after the map, or a load
    // failed and what its map counted is carried now.
    void set_origin(const Origin& origin);

    // A further reading of the map.
    void add(const Counters& reading);

    const Counters& counted() const { return counted_; }
    // What the map's lineage has counted since its first load; none where no meta of this map tells. It goes
    // back only where the map was reset, or another lineage has begun.
    std::optional<Counters> lifetime() const {
        return has_origin_ ? std::optional(lineage_total()) : std::nullopt;
    }
    // What the maps had counted when the session started: that of one without a meta, or of a lineage.
    const Counters& before_start() const { return before_start_; }

  private:
    Counters lineage_total() const { return since_first_load(carried_, last_); }
    // The part of `carried` that must not be counted: it was already, or it is older than the session.
    Counters known_of(const Origin& origin) const;
    // Adopts the origin, and counts all of the lineage's total but `known`.
    void adopt(const Origin& origin, const Counters& known);

    Counters counted_ = {};
    Counters before_start_ = {};
    Counters last_ = {};     // the latest reading of the map
    Counters carried_ = {};  // what other maps of its lineage have counted
    std::optional<std::uint64_t> lineage_;
    bool has_origin_ = false;    // `carried_` is what the meta of this map says
    bool unknown_past_ = false;  // the session started with a map without a meta
};

}  // namespace tally::stats
