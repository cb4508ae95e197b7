// What the full-screen view knows: the sources, their latest rates, and from where totals count. Pure:
// moments are seconds of a clock that never goes back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "stats/block.h"
#include "stats/history.h"

namespace tally::stats {

struct LiveSource {
    std::size_t number = 0;  // the reader's
    Block block;             // the latest
    History history;
    std::optional<Counters> zero;    // the session at the moment from which totals count
    std::optional<double> replaced;  // when another map or program was last seen to take over
};

// What is shown as the totals of an action, or of kAllActions: all that is known, across every map; or what
// was counted since the zero.
Counter total_of(const LiveSource& source, std::size_t action);
// It never counted, as far as totals reach.
bool is_idle(const LiveSource& source, std::size_t action);
Rate rate_of(const LiveSource& source, std::size_t action);

class LiveModel {
  public:
    // From where totals count.
    enum class Zero { kNone, kStart, kReset };

    // `from_zero`: totals count from the first block on.
    explicit LiveModel(bool from_zero) : zero_(from_zero ? Zero::kStart : Zero::kNone) {}

    void take(std::size_t number, const Block& block, double now);
    void forget(std::size_t number);
    // Totals count from what there is now; those of later sources from their beginning.
    void reset_zero();

    // By their numbers.
    const std::map<std::size_t, LiveSource>& sources() const { return sources_; }
    const LiveSource* find(std::size_t number) const;
    Zero zero() const { return zero_; }
    Rate total_rate() const;
    // How far back the histories go, at most.
    double span(double now) const;

  private:
    Zero zero_;
    std::map<std::size_t, LiveSource> sources_;
};

enum class Sort { kName, kPackets, kDrops };
// Totals and rates in: packets and bits; bytes; the same as the first in plain digits.
enum class Units { kPacketsAndBits, kBytes, kRaw };

Sort next(Sort sort);
Units next(Units units);

// The sources in the order they are shown; equal ones by name, "eth2" before "eth10".
std::vector<const LiveSource*> sorted(const LiveModel& model, Sort sort);

// The interval one step up or down, of those that people can follow.
std::int64_t longer_interval(std::int64_t nanoseconds);
std::int64_t shorter_interval(std::int64_t nanoseconds);

}  // namespace tally::stats
