// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the full-screen view knows: the sources, their latest rates, and from where totals count. Pure:
// moments are seconds of a clock that never goes back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
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

// What became of the packets after their verdict, where that is tracked.
struct Delivery {
    double lost_pps = 0;
    std::array<std::string, kActions> lost_why;  // "1,000: target is down (ENETDOWN)"
};

struct ScreenSource {
    static constexpr std::size_t kReplacements = 32;

    std::size_t number = 0;  // the reader's
    SampleReport report;     // the latest
    History history;
    std::optional<double> last_packet;      // when a sample had any
    std::optional<double> last_aborted;     // the same of aborted ones
    std::optional<Counters> zero;           // the session at the moment from which totals count
    std::vector<Replacement> replacements;  // the latest, in order
    std::optional<Delivery> delivery;       // none: not tracked
    std::optional<double> nanoseconds;      // of the program for a packet; none: not tracked
};

// The totals of an action, or of kAllActions: all that is known, across every map, or since the zero.
Counter total_of(const ScreenSource& source, std::size_t action);
// It has counted nothing, as far as totals go back.
bool never_counted(const ScreenSource& source, std::size_t action);
Rate rate_of(const ScreenSource& source, std::size_t action);
// "eth0", or "eth0, runs on red/eth0"; without the namespace of the pins.
std::string name_without_netns(const ScreenSource& source);

class ScreenState {
  public:
    // From where totals count.
    enum class Zero { kNone, kStart, kReset };

    // `from_zero`: totals count from the first sample on.
    explicit ScreenState(bool from_zero) : zero_(from_zero ? Zero::kStart : Zero::kNone) {}

    void take(std::size_t number, const SampleReport& report, double now);
    void forget(std::size_t number);
    // Totals count from what there is now; those of later sources from their beginning.
    void reset_zero();

    // By their numbers.
    const std::map<std::size_t, ScreenSource>& sources() const { return sources_; }
    const ScreenSource* find(std::size_t number) const;
    // The numbers by name, "eth2" before "eth10".
    const std::vector<std::size_t>& by_name() const { return by_name_; }
    Zero zero() const { return zero_; }

  private:
    // The first source that is not before that name.
    std::vector<std::size_t>::iterator place_of(const std::string& title);

    Zero zero_;
    std::map<std::size_t, ScreenSource> sources_;
    std::vector<std::size_t> by_name_;  // kept in order: sorting a thousand names each round would be felt
};

}  // namespace tally::stats
