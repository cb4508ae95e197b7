// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/folded_text.h"

#include "stats/live/paint/canvas.h"

namespace tally::stats {
namespace {

// How much of a text that is longer than the line goes into it, of which there is room for `most`.
std::size_t first_part(std::string_view text, std::size_t most) {
    for (const std::string_view end : {", ", " ", "/"}) {
        const std::size_t at = text.rfind(end, most - 1);
        if (at != std::string_view::npos && at > 0) {
            return at + 1;
        }
    }
    return most;
}

}  // namespace

std::vector<std::string> fold_text(std::string_view text, int room) {
    std::vector<std::string> lines;
    for (std::size_t most = head_of(text, room); most < text.size(); most = head_of(text, room)) {
        lines.emplace_back(text.substr(0, first_part(text, most)));
        text.remove_prefix(lines.back().size());
        text.remove_prefix(text.starts_with(' ') ? 1 : 0);
    }
    lines.emplace_back(text);
    return lines;
}

}  // namespace tally::stats
