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

// Of what there is for each of them, that of `totals`. A temporary lives no longer than the call's statement.
template <typename Value>
constexpr const Value& choose(Totals totals, const Value& map, const Value& lifetime, const Value& session) {
    switch (totals) {
        case Totals::kLifetime:
            return lifetime;
        case Totals::kSession:
            return session;
        case Totals::kMap:
            break;
    }
    return map;
}

// As the user writes it.
constexpr std::string_view totals_name(Totals totals) {
    return choose<std::string_view>(totals, "map", "lifetime", "session");
}

}  // namespace tally::stats
