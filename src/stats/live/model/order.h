// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which sources are listed, and in which order. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "stats/live/model/screen_state.h"
#include "stats/live/model/trouble.h"

namespace tally::stats {

// Those in trouble come first, the worst at the top; each order is that of the others, and among equals.
enum class Sort { kName, kPackets, kDrops, kProgram };

inline Sort next(Sort sort) {
    return sort == Sort::kProgram ? Sort::kName : static_cast<Sort>(static_cast<int>(sort) + 1);
}
std::string_view sort_name(Sort sort);

struct ListRequest {
    Sort sort = Sort::kName;
    std::string filter;      // part of a name, a namespace or a program; any case
    bool hide_idle = false;  // those that have counted nothing for kIdleAfter, and are not in trouble
    double now = 0;
};
inline constexpr double kIdleAfter = 60;  // seconds

struct Listed {
    const ScreenSource* source = nullptr;
    Trouble trouble = Trouble::kNone;
};

struct SourceList {
    std::vector<Listed> order;
    std::size_t hidden = 0;                            // of those that the filter passes, as they are idle
    std::array<std::size_t, kTroubles> troubles = {};  // of all sources, listed or not
};

SourceList list_sources(const ScreenState& model, const ListRequest& request);

// In percent; 0 where there is nothing.
double drop_share(double drops, double all);

}  // namespace tally::stats
