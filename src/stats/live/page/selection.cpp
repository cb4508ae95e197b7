// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/selection.h"

#include <algorithm>

namespace tally::stats {

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
        return;
    }
    const auto found = std::find_if(order.begin(), order.end(), [&](const Listed& one) {
        return choice.moved && choice.selected == one.source->number;
    });
    const auto last = static_cast<std::ptrdiff_t>(order.size()) - 1;
    auto at = found - order.begin();
    if (found == order.end()) {
        // Of one that is not listed any more, the successor is where it was.
        at = static_cast<std::ptrdiff_t>(choice.position) - (choice.moved && by > 0 ? 1 : 0);
    }
    choice.moved = choice.moved || by != 0;
    // `by` may be the largest number there is.
    at = by > last ? last : by < -last ? 0 : std::clamp<std::ptrdiff_t>(at + by, 0, last);
    choice.position = static_cast<std::size_t>(at);
    choice.selected = order[choice.position].source->number;
}

void keep_selection(LiveChoice& choice, const ScreenState& model, const SourceList& list) {
    const auto is_it = [&](const Listed& one) { return choice.selected == one.source->number; };
    if (choice.device && choice.selected && std::none_of(list.order.begin(), list.order.end(), is_it)) {
        if (model.find(*choice.selected) != nullptr) {
            return;
        }
        choice.device = false;
    }
    if (list.order.empty()) {
        choice.selected.reset();
    }
    move_selection(choice, list, 0);
}

}  // namespace tally::stats
