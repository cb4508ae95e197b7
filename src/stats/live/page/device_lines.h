// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What is known of a source beside its counts: programs, map, pins, and the device. Pure.
#pragma once

#include <string>
#include <vector>

#include "stats/live/model/choice.h"
#include "stats/live/model/screen_state.h"
#include "stats/live/paint/canvas.h"

namespace tally::stats {

struct DeviceLine {
    std::string label;
    std::string text;
};

// The most important first; one that is wider goes on in a line without a label.
std::vector<DeviceLine> device_lines(const ScreenSource& source, const LiveChoice& choice,
                                     const DeviceFacts& facts, int width);

void write_device_lines(Canvas& canvas, const Rect& rect, const std::vector<DeviceLine>& lines);

}  // namespace tally::stats
