// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/read_request.h"

#include <algorithm>
#include <utility>

namespace tally::stats {

void add_source(std::vector<Source>& sources, Source source) {
    const auto same = [&](const Source& other) {
        return other.kind == source.kind && other.name == source.name && other.map_id == source.map_id &&
               other.netns == source.netns;
    };
    if (std::none_of(sources.begin(), sources.end(), same)) {
        sources.push_back(std::move(source));
    }
}

}  // namespace tally::stats
