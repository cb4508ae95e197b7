// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

constexpr double kMinute = 60;
constexpr double kHour = 3600;

}  // namespace

double axis_end(double most) {
    if (!(most > 0)) {
        return 1;
    }
    const double power = std::pow(10, std::floor(std::log10(most)));
    for (const double factor : {1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0}) {
        // A rounding error must not lead to the next step.
        if (most <= factor * power * (1 + 1e-5)) {
            return factor * power;
        }
    }
    return 10 * power;
}

std::string axis_label(double value) {
    const Scaled scaled = scale(value, 999.5);
    return scaled.prefix == ' ' ? fmt::format("{:.3g}", scaled.value)
                                : fmt::format("{:.3g} {}", scaled.value, scaled.prefix);
}

int axis_parts(double end, int height) {
    constexpr int kLeastLines = 3;  // from one label to the next
    constexpr int kFar = 9;
    int best = 1;
    for (const int parts : {2, 3, 4, 5}) {
        const double part = end / parts;
        const double halves = 2 * part / std::pow(10, std::floor(std::log10(part) + 1e-9));
        if (height >= parts * kLeastLines && std::abs(halves - std::round(halves)) < 1e-6) {
            // Labels at equal distances are better than more of them, unless they are far apart.
            const bool equal = best > 1 && height % best == 0 && height / best <= kFar;
            best = equal && height % parts != 0 ? best : parts;
        }
    }
    return best;
}

std::string time_text(double seconds, bool with_seconds) {
    constexpr std::int64_t kDay = 86400;
    const std::int64_t of_day = (static_cast<std::int64_t>(std::floor(seconds + 1e-6)) % kDay + kDay) % kDay;
    const std::int64_t hours = of_day / 3600;
    const std::int64_t minutes = of_day / 60 % 60;
    return with_seconds ? fmt::format("{:02}:{:02}:{:02}", hours, minutes, of_day % 60)
                        : fmt::format("{:02}:{:02}", hours, minutes);
}

TimeTicks time_ticks(double begin, double end, int most) {
    constexpr std::array<double, 15> kSteps = {1,
                                               2,
                                               5,
                                               10,
                                               15,
                                               30,
                                               kMinute,
                                               2 * kMinute,
                                               5 * kMinute,
                                               10 * kMinute,
                                               15 * kMinute,
                                               20 * kMinute,
                                               30 * kMinute,
                                               kHour,
                                               3 * kHour};
    TimeTicks ticks;
    if (most < 1 || !(end > begin)) {
        return ticks;
    }
    const auto* const found =
        std::find_if(kSteps.begin(), kSteps.end(), [&](double step) { return (end - begin) / step <= most; });
    if (found == kSteps.end()) {
        return ticks;
    }
    ticks.with_seconds = *found < kMinute;
    for (double moment = std::ceil(begin / *found) * *found; moment < end; moment += *found) {
        ticks.moments.push_back(moment);
    }
    return ticks;
}

std::string span_text(double seconds) {
    if (seconds < 1) {
        return fmt::format("{:.0f} ms", seconds * 1000);
    }
    if (seconds < 2 * kMinute) {
        return fmt::format("{:.3g} s", seconds);
    }
    return seconds < 2 * kHour ? fmt::format("{:.3g} min", seconds / kMinute)
                               : fmt::format("{:.3g} h", seconds / kHour);
}

}  // namespace tally::stats
