// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A time is refused in words, or lies between nothing and a year; written in nanoseconds it means the same.
#include "stats/cli/duration.h"

#include <cstdint>
#include <string>

#include "property.h"

using namespace tally;
using namespace tally::stats;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using std::chrono::nanoseconds;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto duration = parse_duration(text);
    const auto interval = parse_interval(text);
    if (!duration) {
        REQUIRE(duration.error().kind == ErrorKind::kUsage && !duration.error().reason.empty());
        REQUIRE(!interval);
        return 0;
    }
    REQUIRE(*duration >= nanoseconds(0) && *duration <= std::chrono::hours(365 * 24));
    REQUIRE(interval.has_value() == (*duration >= kSmallestInterval));
    REQUIRE(!interval || *interval == *duration);
    // Numbers are taken as double: exact, except for the last bits of months.
    const auto again = parse_duration(std::to_string(duration->count()) + "ns");
    if (!again) {
        REQUIRE(*duration > std::chrono::hours(365 * 24) - nanoseconds(16));
        return 0;
    }
    const auto off = *again > *duration ? *again - *duration : *duration - *again;
    REQUIRE(off.count() <= duration->count() >> 50);
    return 0;
}
