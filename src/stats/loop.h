// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Time: waits for deadlines and pin events, and has every source read.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/base/result.h"
#include "stats/model/sample_report.h"
#include "stats/source/reader_set.h"

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
    // There will be no more of this one.
    virtual void forget(std::size_t /*source*/) {}
    // After the last source. False: the run is over.
    virtual Result<bool> end_round() { return true; }
    // The run is over, too, when nobody reads stdout any more.
    virtual bool needs_stdout() const { return true; }

    // A descriptor that becomes readable when a person does something; -1: none.
    virtual int input() const { return -1; }
    // After that, and after a signal. False: the run is over. It may have changed the pace.
    virtual Result<bool> take_input() { return true; }
};

struct Pace {
    std::chrono::nanoseconds first = {};  // until the first round
    std::chrono::nanoseconds interval = {};
    std::optional<std::uint64_t> rounds;            // in which there was anything to read; none: no end
    std::optional<std::chrono::nanoseconds> limit;  // of the run: one last round is held then
};

// The readers have been started. Ends without error when the consumer or the pace says so, and by SIGINT or
// SIGTERM. A consumer may change the interval between two rounds.
Result<void> run_loop(ReaderSet& readers, Consumer& consumer, const Pace& pace);

}  // namespace tally::stats
