// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/selection.h"

#include <algorithm>

namespace tally::stats {

SourceList list_of(const ScreenState& model, const LiveChoice& choice, double now) {
    return list_sources(model, {choice.sort, choice.filter, choice.hide_idle, now});
}

std::size_t window_of(const ScreenState& model, const LiveChoice& choice, double now) {
    if (choice.window) {
        return *choice.window;
    }
    double oldest = now;
    for (const auto& [number, source] : model.sources()) {
        oldest = source.history.empty() ? oldest : std::min(oldest, source.history.begin());
    }
    std::size_t window = 0;
    while (window < kDefaultWindow && now - oldest > kWindows.at(window)) {
        ++window;
    }
    return window;
}

void move_selection(LiveChoice& choice, const SourceList& list, std::ptrdiff_t by) {
    const auto& order = list.order;
    if (order.empty()) {
        choice.selected.reset();
        return;
    }
    const auto found = std::find_if(order.begin(), order.end(), [&](const Listed& one) {
        return choice.moved && choice.selected == one.source->number;
    });
    choice.moved = choice.moved || by != 0;
    const auto last = static_cast<std::ptrdiff_t>(order.size()) - 1;
    auto at = found != order.end() ? found - order.begin() : static_cast<std::ptrdiff_t>(choice.position);
    // `by` may be the largest number there is.
    at = by > last ? last : by < -last ? 0 : std::clamp<std::ptrdiff_t>(at + by, 0, last);
    choice.position = static_cast<std::size_t>(at);
    choice.selected = order[choice.position].source->number;
}

}  // namespace tally::stats
