// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the totals that are shown count from (--totals).
#pragma once

#include <string_view>

namespace tally::stats {

enum class Totals {
    kMap,       // what the map holds: from its creation on
    kLifetime,  // from the first load on, across every map; of an adopted map, from the adoption on
    kSession,   // from the start of this command on, across every map
};

// As the user writes it.
constexpr std::string_view totals_name(Totals totals) {
    switch (totals) {
        case Totals::kLifetime:
            return "lifetime";
        case Totals::kSession:
            return "session";
        case Totals::kMap:
            break;
    }
    return "map";
}

}  // namespace tally::stats
