// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Who takes the samples of a run, and when they are taken.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/base/result.h"
#include "stats/model/sample_report.h"

namespace tally::stats {

// Takes what was read. A round is one sample of every source.
class Consumer {
  public:
    Consumer() = default;
    Consumer(const Consumer&) = delete;
    Consumer& operator=(const Consumer&) = delete;
    virtual ~Consumer() = default;

    // `source` is the reader's number. False: the run is over.
    virtual Result<bool> take(std::size_t source, const SampleReport& report) = 0;
    // There will be no more samples of this source.
    virtual void forget(std::size_t /*source*/) {}
    // After the last source. False: the run is over.
    virtual Result<bool> end_round() { return true; }
    // Whether the run also ends when nobody reads stdout any more.
    virtual bool needs_stdout() const { return true; }

    // A descriptor that is readable when a person has typed something; -1: none.
    virtual int input() const { return -1; }
    // Called then, and after a signal. False: the run is over. May change the pace.
    virtual Result<bool> take_input() { return true; }
};

struct Pace {
    std::chrono::nanoseconds first = {};  // until the first round
    std::chrono::nanoseconds interval = {};
    std::optional<std::uint64_t> rounds;   // none: no end
    bool rounds_from_first_shown = false;  // those before it, with nothing to read, do not count
    std::optional<std::chrono::steady_clock::time_point> limit;  // then there is one last round
    // Then the run ends if there is a source which has had no map until then.
    std::optional<std::chrono::steady_clock::time_point> all_found_by;
};

}  // namespace tally::stats
