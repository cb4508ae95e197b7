// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The counters of each program that shares an observed hook, beside those of the whole (--per-program).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/pins/counter_map.h"
#include "common/pins/meta.h"
#include "stats/model/sample_report.h"

namespace tally::stats {

class ComponentCounters {
  public:
    // Those that the meta names, in the order they run; `directory` has their pins. Those that are known
    // already go on; one that appears while the run is under way counts from zero. A pin that is gone again
    // belongs to a change that brings another meta. After an error all is as it was.
    Result<void> take(const Meta& meta, const std::string& directory, bool under_way);
    // There are none: no dispatcher, or nothing of it is pinned.
    void clear() { components_.clear(); }
    bool empty() const { return components_.empty(); }

    // A further reading of every map.
    Result<void> read();
    // Which programs they are; and, in a report that lists them, what the latest reading says.
    void list_in(SampleReport& report) const;
    void fill(SampleReport& report) const;

  private:
    struct Program {
        std::uint32_t id = 0;
        std::string name;
        std::size_t position = 0;  // of its map in the meta
        CounterMap map;
        Sample before;
        Sample now;
        Counters session = {};
    };

    Result<std::vector<Program>> open_all(const Meta& meta, const std::string& directory, bool under_way);
    std::vector<Program>::iterator find(std::uint32_t map_id);

    std::vector<Program> components_;
    bool start_missed_ = false;  // those there were when the run began: nobody knows what they had counted
};

}  // namespace tally::stats
