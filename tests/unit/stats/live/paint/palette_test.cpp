// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/paint/palette.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

namespace tally::stats {
namespace {

using Linear = std::array<double, 3>;  // light of red, green, blue

// xterm's cube and greys.
Linear light_of(int colour) {
    constexpr std::array<int, 6> kLevels = {0, 95, 135, 175, 215, 255};
    std::array<int, 3> parts = {};
    if (colour >= 232) {
        parts.fill(8 + (colour - 232) * 10);
    } else {
        const int cube = colour - 16;
        parts = {kLevels.at(static_cast<std::size_t>(cube / 36)),
                 kLevels.at(static_cast<std::size_t>(cube / 6 % 6)),
                 kLevels.at(static_cast<std::size_t>(cube % 6))};
    }
    Linear light;
    for (std::size_t i = 0; i < 3; ++i) {
        const double part = parts.at(i) / 255.0;
        light[i] = part <= 0.04045 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
    }
    return light;
}

// WCAG 2: relative luminance, contrast.
double luminance(const Linear& light) {
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
}
double contrast(double a, double b) {
    return (std::max(a, b) + 0.05) / (std::min(a, b) + 0.05);
}

using Sight = std::array<Linear, 3>;
// Machado, Oliveira and Fernandes 2009: without the receptors for red, and for green.
constexpr std::array<Sight, 3> kSights = {{
    {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
    {{{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}}},
    {{{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}}},
}};

Linear seen(const Linear& light, const Sight& sight) {
    Linear result;
    for (std::size_t i = 0; i < 3; ++i) {
        result[i] =
            std::clamp(sight[i][0] * light[0] + sight[i][1] * light[1] + sight[i][2] * light[2], 0.0, 1.0);
    }
    return result;
}

// CIELAB.
Linear lab(const Linear& c) {
    const auto f = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; };
    const double x = f((0.4124 * c[0] + 0.3576 * c[1] + 0.1805 * c[2]) / 0.95047);
    const double y = f(luminance(c));
    const double z = f((0.0193 * c[0] + 0.1192 * c[1] + 0.9505 * c[2]) / 1.08883);
    return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

TEST(Palette, VerdictsAreToldApartWithoutRedOrGreen) {
    for (std::size_t sight = 0; sight < kSights.size(); ++sight) {
        for (std::size_t a = 0; a < kActions; ++a) {
            for (std::size_t b = a + 1; b < kActions; ++b) {
                const auto colour = [&](std::size_t action) {
                    const auto ink = static_cast<std::size_t>(ink_of(action));
                    return lab(seen(light_of(kManyColours.at(ink).front), kSights.at(sight)));
                };
                const Linear first = colour(a);
                const Linear second = colour(b);
                // 2 can just be told apart when side by side; 25 is another colour.
                EXPECT_GT(std::hypot(first[0] - second[0], first[1] - second[1], first[2] - second[2]), 25)
                    << kShortActionNames[a] << " and " << kShortActionNames[b] << ", sight " << sight;
            }
        }
    }
}

TEST(Palette, EverythingHasContrastOnBlackAndOnWhite) {
    for (const TerminalColour& colour : kManyColours) {
        if (colour.front < 0) {
            continue;
        }
        const double front = luminance(light_of(colour.front));
        if (colour.back >= 0) {
            EXPECT_GT(contrast(front, luminance(light_of(colour.back))), 4.5);
            continue;
        }
        // What WCAG asks of graphics, which verdicts are, and of text.
        const double least = colour.over >= 0 ? 3 : 4.5;
        EXPECT_GT(contrast(front, 0), least) << colour.front;
        EXPECT_GT(contrast(front, 1), least) << colour.front;
        if (colour.over >= 0) {
            EXPECT_GT(contrast(front, luminance(light_of(colour.over))), 4.5) << colour.front;
        }
    }
}

TEST(Palette, EveryVerdictHasALetterOfItsOwn) {
    for (std::size_t action = 0; action < kActions; ++action) {
        EXPECT_EQ(std::count(kVerdictLetters.begin(), kVerdictLetters.end(), kVerdictLetters[action]), 1);
        EXPECT_EQ(kVerdictLetters[action], kShortActionNames[action][0] - 'a' + 'A');
        EXPECT_EQ(action_of(ink_of(action)), action);
    }
}

}  // namespace
}  // namespace tally::stats
