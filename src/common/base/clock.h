// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The kernel's clocks as one number.
#pragma once

#include <cstdint>
#include <ctime>

namespace tally {

// Nanoseconds: CLOCK_MONOTONIC counts from some moment before, CLOCK_REALTIME from 1970-01-01 UTC.
inline std::int64_t nanoseconds_of(clockid_t clock) {
    timespec now = {};
    ::clock_gettime(clock, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace tally
