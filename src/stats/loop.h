// Time: waits for deadlines and pin events, and has every source read.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/result.h"
#include "stats/block.h"
#include "stats/pin_watcher.h"
#include "stats/reader.h"

namespace tally::stats {

// Takes what was read. A round is one sample of every source.
class Consumer {
  public:
    Consumer() = default;
    Consumer(const Consumer&) = delete;
    Consumer& operator=(const Consumer&) = delete;
    virtual ~Consumer() = default;

    // `block` is null where there is nothing to read. False: the run is over.
    virtual Result<bool> take(std::size_t source, const Block* block) = 0;
    // After the last source. False: the run is over.
    virtual Result<bool> end_round() { return true; }
    // The run is over, too, when nobody reads stdout any more.
    virtual bool needs_stdout() const { return true; }
};

struct Pace {
    std::chrono::nanoseconds first = {};  // until the first round
    std::chrono::nanoseconds interval = {};
    std::optional<std::uint64_t> rounds;            // in which there was anything to read; none: no end
    std::optional<std::chrono::nanoseconds> limit;  // of the run: one last round is held then
};

// The readers have been started. Ends without error when the consumer or the pace says so, and by SIGINT or
// SIGTERM.
Result<void> run_loop(std::vector<Reader>& readers, PinWatcher& watcher, Consumer& consumer,
                      const Pace& pace);

}  // namespace tally::stats
