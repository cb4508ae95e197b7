// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The columns of the list of sources: which there is room for. Pure.
#pragma once

#include <initializer_list>
#include <string>

#include "stats/live/model/order.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

struct Column {
    int end = 0;  // the first column behind it; 0: there is no room for it
    int width = 0;

    bool there() const { return end > 0; }
    int begin() const { return end - width; }
};

// Gives columns the room that is left, the most important first.
class ColumnRoom {
  public:
    ColumnRoom(int left, int gap) : left_(left), gap_(gap) {}

    // Without room, the column has no width.
    void grant(Column& column, int width);
    int left() const { return left_; }

  private:
    int left_;
    int gap_;
};

// Those that were granted, side by side from `x` on.
void place_columns(int x, int gap, std::initializer_list<Column*> columns);

struct ListColumns {
    int gap = 1;
    bool titles = false;  // names are with their namespace
    Column name, netns, state, program, mode, packets, pps, bps, drop, lost, lost_rate, cost, peak, curve;
};

// The name is never cut while another column has room.
ListColumns lay_out_list(const Canvas& canvas, const Rect& rect, const SourceList& list,
                         const LiveChoice& choice);

// Of all curves.
struct CurveScale {
    double end = 1;      // packets/s
    double window = 60;  // seconds
};
void write_list_titles(Canvas& canvas, int y, const ListColumns& columns, const LiveChoice& choice,
                       const CurveScale& scale);

// What the list calls a source.
std::string listed_name(const ScreenSource& source, const ListColumns& columns);

}  // namespace tally::stats
