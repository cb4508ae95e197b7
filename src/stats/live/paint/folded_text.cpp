// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/folded_text.h"

#include <algorithm>

namespace tally::stats {
namespace {

// How much of a text that is longer than the line goes into it.
std::size_t first_part(std::string_view text, std::size_t room) {
    for (const std::string_view end : {", ", " ", "/"}) {
        const std::size_t at = text.rfind(end, room - 1);
        if (at != std::string_view::npos && at > 0) {
            return at + 1;
        }
    }
    return room;
}

}  // namespace

std::vector<std::string> fold_text(std::string_view text, int room) {
    const auto width = static_cast<std::size_t>(std::max(room, 1));
    std::vector<std::string> lines;
    while (text.size() > width) {
        lines.emplace_back(text.substr(0, first_part(text, width)));
        text.remove_prefix(lines.back().size());
        text.remove_prefix(text.starts_with(' ') ? 1 : 0);
    }
    lines.emplace_back(text);
    return lines;
}

}  // namespace tally::stats
