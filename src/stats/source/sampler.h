// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Takes the samples of one source, whatever its map is at the moment: reads it, keeps the totals across the
// maps that replaced one another, and fills in the report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/pins/counter_map.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "stats/model/cpu_session.h"
#include "stats/model/delivery_totals.h"
#include "stats/model/program_cost.h"
#include "stats/model/sample_report.h"
#include "stats/model/session.h"
#include "stats/source/component_counters.h"
#include "stats/source/pinned_map.h"
#include "stats/source/read_request.h"

namespace tally::stats {

// Owns the map, also while that is not pinned: its program may still count. The caller decides which map it
// is. After an error the call can be repeated: nothing is counted twice.
class Sampler {
  public:
    // What is passed by reference must outlive the sampler. In `report` it fills in the numbers, the map and
    // the programs; the source's name, place and state are its owner's.
    Sampler(const ReadRequest& request, const NetnsContext& context, SampleReport& report);

    // Of the map that is read; null before there has been one.
    const MapInfo* map() const { return map_ ? &map_->info() : nullptr; }
    // The latest that was beside its pin. While a change is under way it may be that of another map.
    const std::optional<Meta>& meta() const { return meta_; }
    bool has_generation(const Meta& meta) const;

    // Goes on with another map, after a last reading of the one before. `directory` has the pins;
    // `under_way`: all that the map holds was counted during the run.
    Result<void> replace_map(OpenedMap opened, const std::string& directory, bool under_way);
    // Another meta of the same map. False where it is no news, or that of another map.
    bool take_meta(const Meta& meta, const std::string& directory);
    // With --per-program: kNotFound where the map's program has counters, and others on the hook have none.
    Result<void> check_components() const;

    // A further reading.
    Result<void> read();
    // When the latest was made: nanoseconds, CLOCK_MONOTONIC.
    std::int64_t time() const { return latest_.time; }

    // The report of the latest reading: its counts; then, once the report has the state, which may bring
    // another meta, its programs, cost and deliveries.
    void fill_counts();
    void fill_details();

  private:
    Result<void> read_map();
    void describe_map();
    void describe_program();
    void take_components(const std::string& directory, bool under_way);
    void fill_components();
    void fill_cost();
    void take_delivery(bool joined);
    void fill_delivery();
    void say_how_to_track();

    // The meta, where it is that of the map.
    const Meta* own_meta() const;
    std::optional<Origin> origin() const;

    const ReadRequest* request_;
    const NetnsContext* context_;
    SampleReport* report_;

    std::optional<CounterMap> map_;
    std::optional<Meta> meta_;
    Sample latest_;
    Sample before_;  // the reading before that; the same one where the map is new
    Session session_;
    CpuSession cpu_session_;        // with --per-cpu
    ComponentCounters components_;  // with --per-program
    CostMeter cost_meter_;          // with --cost
    DeliveryTotals delivery_;
    std::optional<Meta> delivery_meta_;  // the latest of a map that was read
    bool told_to_track_ = false;
};

}  // namespace tally::stats
