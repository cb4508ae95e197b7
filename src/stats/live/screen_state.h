// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the full-screen view knows: the sources, their latest rates, and what totals count from. Pure:
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
    Totals totals = Totals::kMap;    // which are shown
    std::optional<Counters> zero;    // the session when they were reset; then they count from there
    std::optional<double> replaced;  // when another map or program was last seen to take over
};

// The totals of an action, or of kAllActions; none where they are not known, as without a meta.
std::optional<Counter> total_of(const ScreenSource& source, std::size_t action);
// It has counted nothing: since the start or the reset, if totals count from there, else ever.
bool is_idle(const ScreenSource& source, std::size_t action);
Rate rate_of(const ScreenSource& source, std::size_t action);

class ScreenState {
  public:
    explicit ScreenState(Totals totals) : totals_(totals) {}

    void take(std::size_t number, const SampleReport& report, double now);
    void forget(std::size_t number);
    // Shows these, which have not been reset.
    void choose_totals(Totals totals);
    // Totals count from what there is now; those of later sources from their beginning.
    void reset_totals();

    // By their numbers.
    const std::map<std::size_t, ScreenSource>& sources() const { return sources_; }
    const ScreenSource* find(std::size_t number) const;
    Totals totals() const { return totals_; }
    bool totals_are_reset() const { return reset_; }
    Rate total_rate() const;
    // How far back the histories go, at most.
    double span(double now) const;

  private:
    Totals totals_;
    bool reset_ = false;
    std::map<std::size_t, ScreenSource> sources_;
};

enum class Sort { kName, kPackets, kDrops };
// Totals and rates in: packets and bits; bytes; the same as the first in plain digits.
enum class Units { kPacketsAndBits, kBytes, kRaw };

inline Totals next(Totals totals) {
    return totals == Totals::kSession ? Totals::kMap : static_cast<Totals>(static_cast<int>(totals) + 1);
}
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
