// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/cpu_session.h"

#include <algorithm>

#include "stats/model/rates.h"

namespace tally::stats {

void CpuSession::add(const Reading& before, const Reading& now) {
    counted_.resize(std::max(counted_.size(), now.size()));
    for (std::size_t cpu = 0; cpu < now.size(); ++cpu) {
        const Counters& earlier = cpu < before.size() ? before[cpu] : Counters{};
        for (std::size_t action = 0; action < now[cpu].size(); ++action) {
            add_to(counted_[cpu][action], growth(earlier[action], now[cpu][action]));
        }
    }
}

void CpuSession::replace_map(std::uint32_t old_id, const Reading& last, std::uint32_t id,
                             const Reading& reading) {
    add(map_before_ == id ? last_of_map_before_ : Reading{}, reading);
    map_before_ = old_id;
    last_of_map_before_ = last;
}

}  // namespace tally::stats
