// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Samples as Prometheus metrics. Pure. Their names and labels are promised in docs/interface.md.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "stats/model/sample_report.h"

namespace tally::stats {

// The metrics of one round, grouped as the text format wants them. Counters are those of the maps that the
// run began with, and what was counted since: they never go back while the run lasts, and a lineage's never
// go back from one run to the next.
class Metrics {
  public:
    Metrics();

    // A source that has never been read has nothing but xdp_up 0.
    void add(const SampleReport& report);
    // All that were added, and what is told of this program; none are left.
    std::vector<prometheus::MetricFamily> take();

  private:
    std::vector<prometheus::MetricFamily> families_;
};

}  // namespace tally::stats
