// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Long texts in several lines. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tally::stats {

// Lines of `room` columns at most: broken behind a comma, or else a blank, or a slash.
std::vector<std::string> fold_text(std::string_view text, int room);

}  // namespace tally::stats
