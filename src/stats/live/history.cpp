// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/history.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace tally::stats {

void History::add(double end, double seconds, const PacketRates& pps) {
    entries_[next_] = {end, static_cast<float>(seconds), pps};
    next_ = (next_ + 1) % kSamples;
    size_ = std::min(size_ + 1, kSamples);
}

double History::span(double now) const {
    if (size_ == 0) {
        return 0;
    }
    const Entry& oldest = entry(size_ - 1);
    return std::max(now - oldest.end + static_cast<double>(oldest.seconds), 0.0);
}

void History::resample(std::size_t action, double now, double bucket, std::span<double> columns) const {
    const auto count = static_cast<double>(columns.size());
    const double begin = (std::floor(now / bucket) + 1 - count) * bucket;
    std::vector<double> known(columns.size());
    std::fill(columns.begin(), columns.end(), 0);
    for (std::size_t age = 0; age < size_; ++age) {
        const Entry& sample = entry(age);
        const double to = (sample.end - begin) / bucket;
        const double from = to - static_cast<double>(sample.seconds) / bucket;
        if (to <= 0) {
            break;  // older ones lie further back
        }
        const double rate = static_cast<double>(
            action == kAllActions ? std::accumulate(sample.pps.begin(), sample.pps.end(), 0.0F)
                                  : sample.pps[action]);
        const auto first = static_cast<std::size_t>(std::max(std::floor(from), 0.0));
        const auto last = std::min(columns.size(), static_cast<std::size_t>(std::ceil(std::min(to, count))));
        for (std::size_t column = first; column < last; ++column) {
            const auto left = static_cast<double>(column);
            const double share = std::min(to, left + 1) - std::max(from, left);
            // Less is the rounding error of a sample that only touches the column.
            if (share > 1e-9) {
                columns[column] += rate * share;
                known[column] += share;
            }
        }
    }
    for (std::size_t column = 0; column < columns.size(); ++column) {
        columns[column] =
            known[column] > 0 ? columns[column] / known[column] : std::numeric_limits<double>::quiet_NaN();
    }
}

}  // namespace tally::stats
