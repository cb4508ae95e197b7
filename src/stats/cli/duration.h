// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Times as people type them. Pure.
#pragma once

#include <chrono>
#include <string_view>

#include "common/base/result.h"

namespace tally::stats {

// "2", "0.5", "500ms", "10s", "1m", "1h": a decimal number and a unit (ns, us, ms, s, m, h), seconds without
// one. kUsage, with the reason, for everything else, negative and endless times included.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

inline constexpr std::chrono::nanoseconds kSmallestInterval = std::chrono::milliseconds(1);

// The same, and at least kSmallestInterval.
Result<std::chrono::nanoseconds> parse_interval(std::string_view text);

}  // namespace tally::stats
