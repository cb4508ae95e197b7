// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Samples as Prometheus metrics, in the text exposition format, version 0.0.4. Pure. Names and labels are
// promised in docs/interface.md.
#pragma once

#include <fmt/format.h>

#include <vector>

#include "stats/model/sample_report.h"

namespace tally::stats {

// The metrics of one round, each with all of its samples together, as the format wants them. Counters are
// those of the maps that the run began with, and what was counted since: they never go back while the run
// lasts, and a lineage's never go back from one run to the next.
class Metrics {
  public:
    Metrics();

    // A source that has never been read has nothing but xdp_up 0.
    void add(const SampleReport& report);
    // Appends all that were added, and what is told of this program; none are left.
    void take(fmt::memory_buffer& text);

  private:
    std::vector<fmt::memory_buffer> samples_;  // the lines of each metric
};

}  // namespace tally::stats
