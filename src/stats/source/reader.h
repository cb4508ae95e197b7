// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Reads one source: follows its map, keeps the totals of the run, and has a block to show at every sample.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/pins/counter_map.h"
#include "common/pins/netns_context.h"
#include "stats/cli/notices.h"
#include "stats/model/sample_report.h"
#include "stats/model/session.h"
#include "stats/options.h"
#include "stats/source/component_counters.h"
#include "stats/source/pin_watcher.h"
#include "stats/source/pinned_map.h"
#include "stats/source/state_monitor.h"

namespace tally::stats {

class Reader {
  public:
    // `context` and `watcher` must outlive the reader.
    Reader(const Source& source, const Options& options, NetnsContext& context, PinWatcher& watcher);

    // The first look. kNotFound for a device that does not exist, unless the run waits for it. A pin that is
    // not there is no error: ready() tells, and follow() waits for it.
    Result<void> start();
    // The same while the run is under way: what the map holds already counts as the run's own.
    Result<void> join();
    // There is a map to read.
    bool ready() const { return map_ && !unpinned_ && !device_awaited_; }
    // Nobody tells when what is waited for appears: follow() has to be called from time to time.
    bool must_poll() const { return device_awaited_ || (!ready() && !pinned_map_.watching()); }
    const std::string& pin() const { return pinned_map_.pin(); }
    const std::string& directory() const { return pinned_map_.directory(); }
    const std::string& title() const { return report_.title; }

    // Looks at the pin anew, and at the device that is waited for. Takes up another map or record at once.
    Result<void> follow();
    bool woken_by(const PinWatcher::Events& events) const { return pinned_map_.woken_by(events); }

    // Reads the map and fills in the block, which says whether there was anything to read. The pin is checked
    // before, unless that was done within 100 ms and its events are being watched.
    Result<void> sample();
    // Fills in the block from the reading that start() made: totals without rates. Only if ready().
    void show_first_reading();
    const SampleReport& report() const { return report_; }

  private:
    bool knows_pin() const;
    Result<void> look_at_pin();
    Result<void> look_for_first_map();
    Result<void> take_up(OpenedMap pinned);
    bool take_meta(const Meta& meta);
    void describe_map();
    void describe_feeder();
    void note_pin_missing(const std::string& why);
    bool go_after_renamed_device();
    void set_device(const std::string& name);

    Result<void> check_components() const;
    void take_up_components();
    void fill_components();
    void take_up_cpus(bool early);
    void count_cpus(const std::vector<Counters>& before, const std::vector<Counters>& now);
    void fill_block(const Sample& before, const Sample& now, double seconds);
    void refresh_state();
    AttachState look_at_state();
    bool in_transition(const std::optional<Meta>& meta);
    void notify_of(AttachState state);

    // The record, where it speaks of the map that is being read.
    const Meta* own_meta() const;
    std::optional<Origin> origin() const;

    const NetnsContext* context_;
    PinWatcher* watcher_;
    Notices notices_;
    bool wait_;
    bool per_cpu_;
    bool per_program_;
    bool looks_for_device_;  // it is in the network namespace of the process, and named by the user
    PinnedMap pinned_map_;
    StateMonitor state_monitor_;

    std::optional<CounterMap> map_;  // kept without its pin, too: it may be fed until another takes over
    std::optional<Meta> meta_;
    std::optional<Meta> last_meta_;  // the latest there was, also of an earlier map
    bool started_ = false;           // a map that appears from now on counts from zero
    bool device_awaited_ = false;
    bool unpinned_ = false;
    std::string last_notice_;  // why there is nothing to read: said once

    Sample before_;  // the latest reading of map_
    Sample now_;
    Session session_;
    ComponentCounters components_;       // with --per-program
    std::vector<Counters> cpu_session_;  // what was counted since the start, per possible CPU
    std::vector<Counters> early_cpus_;   // the first reading of a map that was taken up before its record
    std::optional<AttachState> state_;
    std::int64_t pin_time_ = 0;    // when the pin was looked at: nanoseconds, CLOCK_MONOTONIC
    std::int64_t state_time_ = 0;  // when the feed was looked at, like Sample::time; 0: look now
    std::int64_t transition_began_ = 0;
    bool device_gone_ = false;
    std::string renamed_to_;  // said once
    SampleReport report_;
};

}  // namespace tally::stats
