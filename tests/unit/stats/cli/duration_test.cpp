// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/cli/duration.h"

#include <gmock/gmock.h>

#include <string>

namespace tally::stats {
namespace {

using std::chrono::nanoseconds;
using testing::HasSubstr;

struct Spelling {
    const char* text;
    std::int64_t nanoseconds;
};

class DurationSpelling : public testing::TestWithParam<Spelling> {};

TEST_P(DurationSpelling, IsUnderstood) {
    const auto duration = parse_duration(GetParam().text);
    ASSERT_TRUE(duration) << duration.error().message();
    EXPECT_EQ(duration->count(), GetParam().nanoseconds);
}

INSTANTIATE_TEST_SUITE_P(
    Duration, DurationSpelling,
    testing::Values(Spelling{"2", 2'000'000'000}, Spelling{"0.5", 500'000'000}, Spelling{".25", 250'000'000},
                    Spelling{"5.", 5'000'000'000}, Spelling{"500ms", 500'000'000},
                    Spelling{"1.5ms", 1'500'000}, Spelling{"1us", 1'000}, Spelling{"7ns", 7},
                    Spelling{"3s", 3'000'000'000}, Spelling{"1m", 60'000'000'000},
                    Spelling{"2h", 7'200'000'000'000}, Spelling{"0", 0}, Spelling{"0.1", 100'000'000},
                    Spelling{"8760h", 31'536'000'000'000'000}, Spelling{"007", 7'000'000'000}));

struct Refusal {
    const char* text;
    const char* reason;
};

class DurationRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(DurationRefusal, SaysWhatIsWrong) {
    const auto duration = parse_duration(GetParam().text);
    ASSERT_FALSE(duration);
    EXPECT_EQ(duration.error().kind, ErrorKind::kUsage);
    EXPECT_THAT(duration.error().message(), HasSubstr(GetParam().text));
    EXPECT_THAT(duration.error().reason, HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    Duration, DurationRefusal,
    testing::Values(Refusal{"", "a number and a unit"}, Refusal{"-1", "negative"},
                    Refusal{"-0.5s", "negative"}, Refusal{"soon", "starts with a number"},
                    Refusal{"inf", "starts with a number"}, Refusal{"nan", "starts with a number"},
                    Refusal{"+1", "starts with a number"}, Refusal{" 1", "starts with a number"},
                    Refusal{".", "starts with a number"}, Refusal{"1 ", "' ' is not a unit"},
                    Refusal{"2x", "'x' is not a unit"}, Refusal{"1.2.3", "'.3' is not a unit"},
                    Refusal{"1e3", "'e3' is not a unit"}, Refusal{"0x10", "'x10' is not a unit"},
                    Refusal{"5S", "'S' is not a unit"}, Refusal{"8761h", "a year"},
                    Refusal{"99999999999999999999999999", "a year"}));

TEST(Duration, ANumberThatNoDoubleHoldsIsTooLong) {
    EXPECT_THAT(parse_duration(std::string(400, '9')).error().reason, HasSubstr("a year"));
}

TEST(Interval, StartsAtAMillisecond) {
    EXPECT_EQ(parse_interval("1ms")->count(), 1'000'000);
    EXPECT_EQ(parse_interval("0.001")->count(), 1'000'000);
    for (const char* text : {"0", "0.0", "1us", "999us", "999999ns", "0h"}) {
        const auto interval = parse_interval(text);
        ASSERT_FALSE(interval) << text;
        EXPECT_THAT(interval.error().message(), HasSubstr("smallest allowed is 1ms")) << text;
    }
    EXPECT_FALSE(parse_interval("-1"));
    EXPECT_FALSE(parse_interval("x"));
}

}  // namespace
}  // namespace tally::stats
