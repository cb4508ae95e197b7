// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Reads one source: follows its pin and its device wherever they go, and has the map that is there sampled.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "stats/model/sample_report.h"
#include "stats/source/departure_log.h"
#include "stats/source/pin_watcher.h"
#include "stats/source/pinned_map.h"
#include "stats/source/read_request.h"
#include "stats/source/sampler.h"
#include "stats/source/state_monitor.h"
#include "stats/source/transition.h"

namespace tally::stats {

class Reader {
  public:
    // What is passed by reference must outlive the reader.
    Reader(const Source& source, const ReadRequest& request, NetnsContext& context, DepartureLog& departures,
           PinWatcher& watcher);
    Reader(const Reader&) = delete;  // the sampler points to its report
    Reader& operator=(const Reader&) = delete;
    ~Reader() = default;

    // The first look. kNotFound for a device that neither exists nor has pins, unless the run waits for it. A
    // missing pin is no error: then ready() is false, and follow() waits for it.
    Result<void> start();
    // The same while the run is under way: all that the map holds was counted during it.
    Result<void> join();
    // There is a map to read.
    bool ready() const { return found() && obstacle_.empty(); }
    // There has been one at some time.
    bool found() const { return sampler_.map() != nullptr && !device_awaited_; }
    // This user may not look whether its pin is there.
    bool denied() const { return error_ && error_->kind == ErrorKind::kPermission; }
    // Why there is no map to read.
    Error explain_missing() const;
    // A loader is replacing the map. Until it has finished, or for Transition::kLongest, the old map is read,
    // if there was one.
    bool in_transition() const { return transition_.active(); }
    // Some changes cause no event: follow() has to be called from time to time.
    bool must_poll() const;
    const std::string& pin() const { return pinned_map_.pin(); }
    const std::string& directory() const { return pinned_map_.directory(); }
    const std::string& title() const { return report_.title; }

    // Looks at the pin again, and at the device that is waited for. Does not block.
    Result<void> follow();
    bool woken_by(const PinWatcher::Events& events) const { return pinned_map_.woken_by(events); }
    // Devices have left its network namespace: the next sample looks where this one is.
    void note_departures() { state_monitor_.expire(); }
    const NetnsContext& context() const { return *context_; }

    // Reads the map and fills in the report, which says whether there was anything to read. The pin is looked
    // at before, unless its events are being watched, and there was none since that was done.
    Result<void> sample();
    // Fills in the report from the reading that start() made: totals without rates. Only if ready().
    void show_first_reading() { fill_report(); }
    const SampleReport& report() const { return report_; }

  private:
    Result<void> find_device();
    void watch_device();
    bool knows_pin();
    Result<void> check_room() const;
    Result<void> look_at_pin();
    Result<void> open_pin();
    bool must_wait(const OpenedMap& opened, std::int64_t now);
    bool state_may_pass(const OpenedMap& opened, std::int64_t now);
    Result<void> replace_map(OpenedMap opened);
    void note_pin_missing(const std::string& why, bool advise = false, std::optional<Error> error = {});
    void note_obstacle(Error error);
    Result<void> look_for_moved_pin();
    Result<bool> follow_renamed_device();
    void set_device(const std::string& name);

    void fill_report();
    void refresh_state();
    void tell_state(bool changing);
    std::optional<Meta> find_published_meta();
    AttachState look_at_state();

    const ReadRequest* request_;
    const NetnsContext* context_;
    bool finds_device_;  // the user has named it, and this process is in its network namespace
    SampleReport report_;
    PinnedMap pinned_map_;
    StateMonitor state_monitor_;
    Sampler sampler_;
    Transition transition_;
    bool started_ = false;  // a map that appears from now on counts from zero
    bool device_awaited_ = false;
    std::string obstacle_;           // why there is nothing to read, as it was said; empty: there is
    std::optional<Error> error_;     // the same, where a pin is there, and cannot be read
    std::int64_t pin_time_ = 0;      // when the pin was looked at: nanoseconds, CLOCK_MONOTONIC
    std::uint64_t pin_changes_ = 0;  // PinWatcher::changes() then
};

}  // namespace tally::stats
