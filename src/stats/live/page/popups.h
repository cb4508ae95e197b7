// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What is drawn over a page until a key is pressed. Pure.
#pragma once

#include <string>
#include <string_view>

#include "stats/live/paint/canvas.h"

namespace tally::stats {

// All keys.
void draw_help(Canvas& canvas);
// A command that can be copied from the terminal.
void draw_command(Canvas& canvas, std::string_view title, const std::string& command);

}  // namespace tally::stats
