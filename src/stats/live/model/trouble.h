// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What is wrong with a source. Pure.
#pragma once

#include <string>
#include <string_view>

#include "stats/live/model/screen_state.h"

namespace tally::stats {

// The worst last.
enum class Trouble { kNone, kLost, kAborted, kStale, kDetached };
inline constexpr std::size_t kTroubles = 5;

// For how many seconds packets that were aborted are trouble.
inline constexpr double kAbortedLasts = 10;

// The worst there is.
Trouble trouble_of(const ScreenSource& source, double now);
// "ABORTED".
std::string_view trouble_name(Trouble trouble);

// "DETACHED", "attached", "waiting"; the generation of its program behind it: "attached g2".
std::string state_text(const ScreenSource& source, Trouble trouble);

}  // namespace tally::stats
