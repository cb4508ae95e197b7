// Time: waits for deadlines and pin events, has every source read, and writes the blocks to stdout.
#pragma once

#include <memory>
#include <vector>

#include "common/result.h"
#include "stats/options.h"
#include "stats/output.h"
#include "stats/pin_watcher.h"
#include "stats/reader.h"

namespace tally::stats {

// The readers have been started. Ends without error when the count is reached, by SIGINT or SIGTERM, and when
// nobody reads the output any more.
Result<void> run_once(std::vector<Reader>& readers, Output& output);
Result<void> run_until_done(std::vector<Reader>& readers, PinWatcher& watcher, Output& output,
                            const Options& options);

}  // namespace tally::stats
