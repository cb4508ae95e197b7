// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/output/numbers.h"

#include <array>
#include <chrono>

namespace tally::stats {
namespace {

constexpr std::array<char, 9> kPrefixes = {' ', 'k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'};

}  // namespace

unsigned count_width(std::uint64_t value, bool grouped) {
    return static_cast<unsigned>(grouped ? fmt::formatted_size("{}", fmt::group_digits(value))
                                         : fmt::formatted_size("{}", value));
}

void append_count(fmt::memory_buffer& buffer, std::uint64_t value, unsigned width, bool grouped) {
    const auto to = fmt::appender(buffer);
    if (grouped) {
        fmt::format_to(to, "{:>{}}", fmt::group_digits(value), width);
    } else {
        fmt::format_to(to, "{:>{}}", value, width);
    }
}

Scaled scale(double value, double limit) {
    std::size_t prefix = 0;
    while (value >= limit && prefix + 1 < kPrefixes.size()) {
        value /= 1000;
        ++prefix;
    }
    return {value, kPrefixes[prefix]};
}

void append_scaled(fmt::memory_buffer& buffer, double value, std::string_view unit) {
    // 999.995 would be rounded up to four digits.
    const Scaled scaled = scale(value, 999.995);
    fmt::format_to(fmt::appender(buffer), "{:6.2f} {}{}", scaled.value, scaled.prefix, unit);
}

void append_decimal(fmt::memory_buffer& buffer, double value, int most_decimals) {
    fmt::format_to(fmt::appender(buffer), "{:.{}f}", value, most_decimals);
    std::size_t size = buffer.size();
    while (buffer[size - 1] == '0' && buffer[size - 2] != '.') {
        --size;
    }
    buffer.resize(size);
}

void append_time(fmt::memory_buffer& buffer, std::int64_t nanoseconds) {
    using namespace std::chrono;
    const sys_time<milliseconds> moment{floor<milliseconds>(std::chrono::nanoseconds(nanoseconds))};
    const auto day = floor<days>(moment);
    const year_month_day date(day);
    const hh_mm_ss clock(moment - day);
    fmt::format_to(fmt::appender(buffer), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                   static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                   static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                   clock.seconds().count(), clock.subseconds().count());
}

}  // namespace tally::stats
