// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the full-screen view knows: the sources, their latest rates, and what totals count from. Pure:
// moments are seconds of a clock that never goes back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "stats/live/model/history.h"
#include "stats/model/sample_report.h"

namespace tally::stats {

// Another map or program took over.
struct Replacement {
    double time = 0;
    std::uint64_t generation = 0;  // 0: not known
};

// The session when totals were reset: from then on they count from there.
struct SessionAtReset {
    Counters counted = {};
    Fates fates = {};
    std::int64_t tracked_since = 0;  // by which tracking there are these fates
};

// What happened to a source, and when.
struct SourceEvents {
    static constexpr std::size_t kReplacements = 32;

    std::optional<double> last_packet;      // when a sample had any
    std::optional<double> last_aborted;     // the same of aborted ones
    std::optional<double> last_lost;        // and when more were known to be lost
    std::vector<Replacement> replacements;  // the latest, in order
    std::uint32_t map_id = 0;               // of the latest sample
    std::uint64_t generation = 0;
    std::uint64_t lost = 0;  // since the start
    std::int64_t tracked_since = 0;

    void note(const SampleReport& report, double now);
    void note_losses(const DeliveryReport& delivery, double now);
};

struct ScreenSource {
    std::size_t number = 0;  // the reader's
    SampleReport report;     // the latest
    History history;
    Totals totals = Totals::kMap;        // which are shown
    std::optional<SessionAtReset> zero;  // none: they have not been reset
    SourceEvents events;
};

// The totals of an action, or of kAllActions; none where they are not known, as without a meta.
std::optional<Counter> total_of(const ScreenSource& source, std::size_t action);
// What became of the packets in that total of one action; none where it is not known.
std::optional<Fate> fate_of(const ScreenSource& source, std::size_t action);
// How many of the packets in the totals were lost, of the verdicts of which that is known; none where it is
// not of all, and those have lost nothing.
std::optional<std::uint64_t> lost_of(const ScreenSource& source);
// It has counted nothing: since the start or the reset, if totals count from there, else ever.
bool never_counted(const ScreenSource& source, std::size_t action);
Rate rate_of(const ScreenSource& source, std::size_t action);
// "eth0", or "eth0, runs on red/eth0"; without the namespace of the pins.
std::string name_without_netns(const ScreenSource& source);

class ScreenState {
  public:
    explicit ScreenState(Totals totals) : totals_(totals) {}

    void take(std::size_t number, const SampleReport& report, double now);
    void forget(std::size_t number);
    // From now on everything stays as it is shown, until the end of that: samples go into the histories
    // alone, where they are not read, and only what is not told by a source's next report is kept.
    void hold();
    // Also keeps the history of this source as it is, however long that takes; of a few dozen in all.
    void keep_history(std::size_t number);
    using Latest = std::function<const SampleReport*(std::size_t number)>;
    // `latest` tells the report that each source was last given; null: there is none.
    void release(const Latest& latest);
    // Shows these, which have not been reset.
    void choose_totals(Totals totals);
    // Totals count from what there is now; those of later sources from their beginning.
    void reset_totals();

    // By their numbers.
    const std::map<std::size_t, ScreenSource>& sources() const { return sources_; }
    const ScreenSource* find(std::size_t number) const;
    // The numbers in the order of is_listed_before: "eth2" before "eth10".
    const std::vector<std::size_t>& by_name() const { return by_name_; }
    Totals totals() const { return totals_; }
    bool totals_are_reset() const { return reset_; }

  private:
    // What came while everything was held.
    struct Held {
        static constexpr std::size_t kCopies = 32;

        std::map<std::size_t, SourceEvents> events;
        std::map<std::size_t, History> copies;  // of sources whose own history nothing is added to
        std::map<std::size_t, ScreenSource> arrived;
        std::set<std::size_t> gone;
    };

    static void add_to(History& history, const SampleReport& report, double now);
    void begin(ScreenSource& source, std::size_t number) const;
    void take_held(std::size_t number, const SampleReport& report, double now);
    // `appeared`: it is not in by_name_ yet.
    void show(ScreenSource& source, const SampleReport& report, bool appeared);
    // The first source that is not before that one.
    std::vector<std::size_t>::iterator place_of(const SampleReport& report);

    Totals totals_;
    std::optional<Held> held_;
    bool reset_ = false;
    std::map<std::size_t, ScreenSource> sources_;
    std::vector<std::size_t> by_name_;  // kept in order: sorting a thousand names each round would be felt
};

inline Totals next(Totals totals) {
    return totals == Totals::kSession ? Totals::kMap : static_cast<Totals>(static_cast<int>(totals) + 1);
}

}  // namespace tally::stats
