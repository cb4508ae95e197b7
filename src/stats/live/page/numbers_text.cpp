// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/numbers_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

constexpr double kBitsOfByte = 8;

static_assert(kScaledColumns == static_cast<int>(kScaledWidth) + 1);

}  // namespace

double in_units(double bps, Units units) {
    return units == Units::kBytes ? bps / kBitsOfByte : bps;
}

std::string scaled(double value) {
    fmt::memory_buffer buffer;
    append_scaled(buffer, value, "");
    return fmt::to_string(buffer);
}

std::string compact(double value, std::string_view unit) {
    fmt::memory_buffer buffer;
    append_scaled(buffer, value, unit);
    auto text = fmt::to_string(buffer);
    text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
    if (const auto gap = text.find("  "); gap != std::string::npos) {
        text.erase(gap, 1);  // no prefix
    }
    return text;
}

std::string count_text(std::uint64_t value, Units units, int width) {
    auto text = units == Units::kRaw ? std::to_string(value) : fmt::format("{}", fmt::group_digits(value));
    return static_cast<int>(text.size()) <= width ? text : scaled(static_cast<double>(value));
}

std::string rate_text(double value, Units units, int width) {
    if (units == Units::kRaw) {
        auto text = fmt::format("{:.0f}", value);
        if (static_cast<int>(text.size()) <= width) {
            return text;
        }
    }
    return scaled(value);
}

std::string bandwidth_text(double bps, Units units) {
    return compact(in_units(bps, units), units == Units::kBytes ? "byte/s" : "bit/s");
}

std::string percent_text(double percent) {
    constexpr double kLeast = 0.1;
    return percent > 0 && percent < kLeast ? "<0.1 %" : fmt::format("{:.1f} %", percent);
}

std::string frame_text(double bytes) {
    return fmt::format("{} B", fmt::group_digits(std::llround(bytes)));
}

}  // namespace tally::stats
