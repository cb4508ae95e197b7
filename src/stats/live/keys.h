// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What keys and the mouse do to what a person has chosen. Pure.
#pragma once

#include <cstdint>

#include "stats/live/model/order.h"
#include "stats/live/terminal/key_press.h"

namespace tally::stats {

// What is left to do for who owns the model and the terminal.
enum class KeyEffect {
    kNone,
    kQuit,
    kRedraw,
    kPause,
    kNextTotals,
    kResetTotals,
    kLongerInterval,
    kShorterInterval,
};

// `list` and `drawn`: what the person has seen.
KeyEffect apply_key(KeyPress press, LiveChoice& choice, const SourceList& list, const DrawnPage& drawn);

// The interval one step up or down, of those that people can follow.
std::int64_t longer_interval(std::int64_t nanoseconds);
std::int64_t shorter_interval(std::int64_t nanoseconds);

}  // namespace tally::stats
