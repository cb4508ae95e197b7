// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/output/numbers.h"

#include <gmock/gmock.h>

#include <cstdint>

#include "stats/counters_for_tests.h"

namespace tally::stats {
namespace {

std::string grouped(std::uint64_t value, unsigned width) {
    fmt::memory_buffer buffer;
    append_count(buffer, value, width, true);
    return fmt::to_string(buffer);
}

std::string scaled(double value) {
    fmt::memory_buffer buffer;
    append_scaled(buffer, value, "pkt/s");
    return fmt::to_string(buffer);
}

std::string decimal(double value, int most_decimals) {
    fmt::memory_buffer buffer;
    append_decimal(buffer, value, most_decimals);
    return fmt::to_string(buffer);
}

std::string time_text(std::int64_t nanoseconds) {
    fmt::memory_buffer buffer;
    append_time(buffer, nanoseconds);
    return fmt::to_string(buffer);
}

TEST(Numbers, DigitsAreCounted) {
    EXPECT_EQ(count_width(0, false), 1U);
    EXPECT_EQ(count_width(9, false), 1U);
    EXPECT_EQ(count_width(10, false), 2U);
    EXPECT_EQ(count_width(kMost, false), 20U);
    EXPECT_EQ(count_width(0, true), 1U);
    EXPECT_EQ(count_width(999, true), 3U);
    EXPECT_EQ(count_width(1000, true), 5U);
    EXPECT_EQ(count_width(999'999, true), 7U);
    EXPECT_EQ(count_width(1'000'000, true), 9U);
    EXPECT_EQ(count_width(kMost, true), 26U);
}

TEST(Numbers, ThousandsAreSeparated) {
    EXPECT_EQ(grouped(0, 0), "0");
    EXPECT_EQ(grouped(7, 4), "   7");
    EXPECT_EQ(grouped(100, 1), "100");
    EXPECT_EQ(grouped(1000, 6), " 1,000");
    EXPECT_EQ(grouped(1234567, 9), "1,234,567");
    EXPECT_EQ(grouped(1000000, 3), "1,000,000");
    EXPECT_EQ(grouped(kMost, 0), "18,446,744,073,709,551,615");
    fmt::memory_buffer plain;
    append_count(plain, kMost, 22, false);
    EXPECT_EQ(fmt::to_string(plain), "  18446744073709551615");
}

TEST(Numbers, RatesAreScaledAndAligned) {
    EXPECT_EQ(scaled(0), "  0.00  pkt/s");
    EXPECT_EQ(scaled(0.5), "  0.50  pkt/s");
    EXPECT_EQ(scaled(999.99), "999.99  pkt/s");
    EXPECT_EQ(scaled(999.996), "  1.00 kpkt/s");  // not 1000.00
    EXPECT_EQ(scaled(1000), "  1.00 kpkt/s");
    EXPECT_EQ(scaled(12345), " 12.35 kpkt/s");  // 12.345 is a little above in binary
    EXPECT_EQ(scaled(999994), "999.99 kpkt/s");
    EXPECT_EQ(scaled(1e6), "  1.00 Mpkt/s");
    EXPECT_EQ(scaled(14.88e6), " 14.88 Mpkt/s");
    EXPECT_EQ(scaled(1e11), "100.00 Gpkt/s");
    EXPECT_EQ(scaled(18446744073709551615.0 * 8000), "147.57 Zpkt/s");
    for (const double value : {0.0, 1.0, 999.995, 1e3, 1e9, 1e15, 1e23, 1e26}) {
        EXPECT_EQ(scaled(value).size(), kScaledWidth + 5) << value;
    }
}

TEST(Numbers, DecimalsKeepWhatTheyNeed) {
    EXPECT_EQ(decimal(0, 3), "0.0");
    EXPECT_EQ(decimal(5, 3), "5.0");
    EXPECT_EQ(decimal(0.0166, 3), "0.017");
    EXPECT_EQ(decimal(0.25, 3), "0.25");
    EXPECT_EQ(decimal(1000, 3), "1000.0");
    EXPECT_EQ(decimal(2.000104, 6), "2.000104");
    EXPECT_EQ(decimal(0.0000001, 6), "0.0");
    EXPECT_EQ(decimal(0.5, 1), "0.5");
    EXPECT_EQ(decimal(1e22, 3), "10000000000000000000000.0");
}

TEST(Numbers, TimeIsUtcWithMilliseconds) {
    EXPECT_EQ(time_text(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(time_text(1769860800'123'456'789), "2026-01-31T12:00:00.123Z");
    EXPECT_EQ(time_text(951'782'399'999'999'999), "2000-02-28T23:59:59.999Z");
    EXPECT_EQ(time_text(951'782'400'000'000'000), "2000-02-29T00:00:00.000Z");
    EXPECT_EQ(time_text(-1), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace tally::stats
