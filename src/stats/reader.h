// Reads one source: follows its map, keeps the totals of the run, and has a block to show at every sample.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/counter_map.h"
#include "stats/block.h"
#include "stats/feed.h"
#include "stats/follower.h"
#include "stats/options.h"
#include "stats/pin_watcher.h"
#include "stats/programs.h"
#include "stats/remarks.h"
#include "stats/session.h"
#include "stats/vantage.h"

namespace tally::stats {

class Reader {
  public:
    // `vantage` and `watcher` must outlive the reader.
    Reader(const Source& source, const Options& options, Vantage& vantage, PinWatcher& watcher);

    // The first look. kNotFound for a device that does not exist, unless the run waits for it. A pin that is
    // not there is no error: ready() tells, and follow() waits for it.
    Result<void> start();
    // The same while the run is under way: what the map holds already counts as the run's own.
    Result<void> join();
    // There is a map to read.
    bool ready() const { return map_ && !unpinned_ && !device_awaited_; }
    // Nobody tells when what is waited for appears: follow() has to be called from time to time.
    bool must_poll() const { return device_awaited_ || (!ready() && !follower_.watching()); }
    const std::string& pin() const { return follower_.pin(); }
    const std::string& directory() const { return follower_.directory(); }
    const std::string& title() const { return block_.title; }

    // Looks at the pin anew, and at the device that is waited for. Takes up another map or record at once.
    Result<void> follow();
    bool woken_by(const PinWatcher::Events& events) const { return follower_.woken_by(events); }

    // Reads the map and fills in the block, which says whether there was anything to read. The pin is checked
    // before, unless that was done within 100 ms and its events are being watched.
    Result<void> sample();
    // Fills in the block from the reading that start() made: totals without rates. Only if ready().
    void show_first_reading();
    const Block& block() const { return block_; }

  private:
    bool knows_pin() const;
    Result<void> look_at_pin();
    Result<void> look_for_first_map();
    Result<void> take_up(Pinned pinned);
    bool take_record(const Meta& record);
    void describe_map();
    void describe_feeder();
    void lose_pin(const std::string& why);
    bool go_after_renamed_device();
    void call_device(const std::string& name);

    Result<void> check_programs() const;
    void take_up_programs();
    void fill_programs();
    void take_up_cpus(bool early);
    void count_cpus(const std::vector<Counters>& before, const std::vector<Counters>& now);
    void fill_block(const Sample& before, const Sample& now, double seconds);
    void refresh_state();
    FeedState look_at_feed();
    bool in_transition(const std::optional<Meta>& record);
    void remark_on(FeedState state);

    // The record, where it speaks of the map that is being read.
    const Meta* own_record() const;
    std::optional<Origin> origin() const;

    const Place* place_;
    PinWatcher* watcher_;
    Remarks remarks_;
    bool wait_;
    bool per_cpu_;
    bool per_program_;
    bool looks_for_device_;  // it is in the network namespace of the process, and named by the user
    Follower follower_;
    FeedProbe feed_;

    std::optional<CounterMap> map_;  // kept without its pin, too: it may be fed until another takes over
    std::optional<Meta> record_;
    std::optional<Meta> last_record_;  // the latest there was, also of an earlier map
    bool started_ = false;             // a map that appears from now on counts from zero
    bool device_awaited_ = false;
    bool unpinned_ = false;
    std::string last_remark_;  // why there is nothing to read: said once

    Sample before_;  // the latest reading of map_
    Sample now_;
    Session session_;
    Programs programs_;                  // with --per-program
    std::vector<Counters> cpu_session_;  // what was counted since the start, per possible CPU
    std::vector<Counters> early_cpus_;   // the first reading of a map that was taken up before its record
    std::optional<FeedState> state_;
    std::int64_t pin_time_ = 0;    // when the pin was looked at: nanoseconds, CLOCK_MONOTONIC
    std::int64_t state_time_ = 0;  // when the feed was looked at, like Sample::time; 0: look now
    std::int64_t transition_began_ = 0;
    bool device_gone_ = false;
    std::string renamed_to_;  // said once
    Block block_;
};

}  // namespace tally::stats
