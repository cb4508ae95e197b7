// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The loop of a run: waits for deadlines and for changes of pins, and has every source read.
#pragma once

#include "common/base/result.h"
#include "stats/model/consumer.h"
#include "stats/source/reader_set.h"

namespace tally::stats {

// The readers have been started. Ends without error when the consumer or the pace says so, and by SIGINT or
// SIGTERM. A consumer may change the interval and the limit between two rounds. False: there was nothing to
// read, in any of the pace's rounds, or of one of the sources until the pace's time.
Result<bool> run_loop(ReaderSet& readers, Consumer& consumer, const Pace& pace);

// One round of the readers that are ready, with what start() has read.
Result<void> run_once(ReaderSet& readers, Consumer& consumer);

}  // namespace tally::stats
