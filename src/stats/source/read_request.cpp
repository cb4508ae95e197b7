// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/read_request.h"

#include <algorithm>
#include <utility>

namespace tally::stats {

void add_source(std::vector<Source>& sources, Source source) {
    if (std::find(sources.begin(), sources.end(), source) == sources.end()) {
        sources.push_back(std::move(source));
    }
}

}  // namespace tally::stats
