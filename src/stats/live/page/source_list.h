// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The list of sources: one line each, and its verdicts below it where it is open. Pure.
#pragma once

#include <vector>

#include "stats/live/model/order.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

// A line of the list.
struct ListRow {
    Listed listed;
    std::size_t action = kAllActions;  // kAllActions: the source itself
};

std::vector<ListRow> list_rows(const SourceList& list, const LiveChoice& choice);
// The verdicts that have counted, or all.
std::vector<std::size_t> actions_to_show(const ScreenSource& source, bool all);

// `line_height`: of a source; 2 or 3 where there is room for taller curves. Scrolls to where the selection
// is.
void draw_source_list(Canvas& canvas, const Rect& rect, const SourceList& list, LiveChoice& choice,
                      const ViewContext& context, int line_height, DrawnPage& drawn);

}  // namespace tally::stats
