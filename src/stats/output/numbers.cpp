// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/output/numbers.h"

#include <array>
#include <chrono>
#include <cstring>

namespace tally::stats {
namespace {

constexpr std::array<char, 9> kPrefixes = {' ', 'k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'};

}  // namespace

unsigned digits(std::uint64_t value) {
    unsigned count = 1;
    for (; value >= 10; value /= 10) {
        ++count;
    }
    return count;
}

unsigned grouped_width(std::uint64_t value) {
    const unsigned count = digits(value);
    return count + (count - 1) / 3;
}

void append_grouped(fmt::memory_buffer& buffer, std::uint64_t value, unsigned width) {
    std::array<char, 32> text = {};  // 2^64 - 1 takes 26
    char* const end = text.data() + text.size();
    char* begin = end;
    unsigned count = 0;
    do {
        if (count > 0 && count % 3 == 0) {
            *--begin = ',';
        }
        *--begin = static_cast<char>('0' + value % 10);
        value /= 10;
        ++count;
    } while (value > 0);
    fmt::format_to(fmt::appender(buffer), "{:>{}}",
                   std::string_view(begin, static_cast<std::size_t>(end - begin)), width);
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
