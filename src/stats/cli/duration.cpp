// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/cli/duration.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace tally::stats {
namespace {

using std::chrono::nanoseconds;

constexpr double kLongest = 365.0 * 24 * 3600;  // seconds

constexpr std::array<std::pair<std::string_view, double>, 7> kUnits = {
    {{"", 1.0}, {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}, {"m", 60.0}, {"h", 3600.0}}};

Error refuse(std::string_view text, std::string reason) {
    return Error{ErrorKind::kUsage, 0, fmt::format("'{}'", text), std::move(reason), {}, {}};
}

}  // namespace

Result<nanoseconds> parse_duration(std::string_view text) {
    if (text.empty()) {
        return refuse(text, "a time is a number and a unit, like 2, 0.5, 500ms or 1m");
    }
    if (text.front() == '-') {
        return refuse(text, "a time cannot be negative");
    }
    // from_chars would also take "inf" and "nan".
    const bool numeric = (text.front() >= '0' && text.front() <= '9') || text.front() == '.';
    double number = 0;
    const auto [end, code] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (!numeric || code == std::errc::invalid_argument) {
        return refuse(text, "a time starts with a number, like 2, 0.5, 500ms or 1m");
    }
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    for (const auto& [name, seconds] : kUnits) {
        if (name != unit) {
            continue;
        }
        if (code == std::errc::result_out_of_range || number * seconds > kLongest) {
            return refuse(text, "the longest time allowed is a year");
        }
        return nanoseconds(std::llround(number * seconds * 1e9));
    }
    return refuse(text, fmt::format("'{}' is not a unit of time; units are ns, us, ms, s, m and h", unit));
}

Result<nanoseconds> parse_interval(std::string_view text) {
    TALLY_ASSIGN_OR_RETURN(auto interval, parse_duration(text));
    if (interval < kSmallestInterval) {
        return refuse(text, "too short; the smallest allowed is 1ms");
    }
    return interval;
}

}  // namespace tally::stats
