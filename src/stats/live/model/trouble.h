// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What is wrong with a source. Pure.
#pragma once

#include <string>
#include <string_view>

#include "stats/live/model/screen_state.h"

namespace tally::stats {

// The worst last. kLostBefore is only a mark, without a name: the totals that are shown have lost packets.
enum class Trouble { kNone, kLostBefore, kLost, kAborted, kStale, kDetached };
inline constexpr std::size_t kTroubles = 6;

// For how many seconds packets that were aborted or lost are trouble.
inline constexpr double kTroubleLasts = 10;

// The worst there is.
Trouble trouble_of(const ScreenSource& source, double now);
// The program that is named was the last to count into the map, and may do so no more.
bool is_past_program(const SampleReport& report);
// "ABORTED".
std::string_view trouble_name(Trouble trouble);

// "DETACHED", "attached", "waiting", "pins gone"; the generation of its program behind it, and what is wrong
// with the device: "attached g2, no carrier".
std::string state_text(const ScreenSource& source, Trouble trouble);

}  // namespace tally::stats
