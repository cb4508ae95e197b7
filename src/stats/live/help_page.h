// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The list of the keys, drawn over another page. Pure.
#pragma once

#include "stats/live/canvas.h"

namespace tally::stats {

void draw_help(Canvas& canvas);

}  // namespace tally::stats
