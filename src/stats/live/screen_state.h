// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the full-screen view knows: the sources, their latest rates, and from where totals count. Pure:
// moments are seconds of a clock that never goes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "stats/live/history.h"
#include "stats/model/sample_report.h"

namespace tally::stats {

struct ScreenSource {
    std::size_t number = 0;  // the reader's
    SampleReport report;     // the latest
    History history;
    std::optional<Counters> zero;    // the session at the moment from which totals count
    std::optional<double> replaced;  // when another map or program was last seen to take over
};

// The totals of an action, or of kAllActions: all that is known, across every map, or since the zero.
Counter total_of(const ScreenSource& source, std::size_t action);
// It has counted nothing, as far as totals go back.
bool is_idle(const ScreenSource& source, std::size_t action);
Rate rate_of(const ScreenSource& source, std::size_t action);

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
    Zero zero() const { return zero_; }
    Rate total_rate() const;
    // How far back the histories go, at most.
    double span(double now) const;

  private:
    Zero zero_;
    std::map<std::size_t, ScreenSource> sources_;
};

enum class Sort { kName, kPackets, kDrops };
// Totals and rates in: packets and bits; bytes; the same as the first in plain digits.
enum class Units { kPacketsAndBits, kBytes, kRaw };

inline Sort next(Sort sort) {
    return sort == Sort::kDrops ? Sort::kName : static_cast<Sort>(static_cast<int>(sort) + 1);
}
inline Units next(Units units) {
    return units == Units::kRaw ? Units::kPacketsAndBits : static_cast<Units>(static_cast<int>(units) + 1);
}

// The sources in the order they are shown; equal ones by name, "eth2" before "eth10".
std::vector<const ScreenSource*> sorted(const ScreenState& model, Sort sort);

// The interval one step up or down, of those that people can follow.
std::int64_t longer_interval(std::int64_t nanoseconds);
std::int64_t shorter_interval(std::int64_t nanoseconds);

}  // namespace tally::stats
