// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The keys that stand in the last line of a page.
#include <tuple>

#include "stats/live/keys.h"
#include "stats/live/page/page_for_tests.h"

namespace tally::stats {
namespace {

class Hints : public PageTest {};

// But for what no key changes.
bool same(const LiveChoice& one, const LiveChoice& other) {
    const auto all = [](const LiveChoice& choice) {
        return std::tie(choice.sort, choice.units, choice.window, choice.filter, choice.hide_idle,
                        choice.own_scale, choice.all_actions, choice.open, choice.device, choice.help,
                        choice.command, choice.typing, choice.paused, choice.cursor, choice.selected);
    };
    return all(one) == all(other);
}

TEST_F(Hints, EveryKeyOnThePageDoesSomethingWhenClicked) {
    for (std::size_t number = 0; number < 3; ++number) {
        fill_history(number, report_of(fmt::format("veth{}", number)), 100);
    }
    context_.facts.options = "--dev veth1";
    move(1);
    choice_.moved = true;
    choice_.window = 2;
    const LiveChoice before = choice_;
    for (const auto& [width, height] : {std::pair{40, 8}, {80, 12}, {80, 24}, {300, 60}}) {
        for (const auto& [device, paused, typing] : {std::tuple{false, false, false},
                                                     {false, true, false},
                                                     {false, false, true},
                                                     {true, false, false},
                                                     {true, true, false}}) {
            for (const Look& look : {Look{}, kPlainLook}) {
                choice_ = before;
                choice_.device = device;
                choice_.paused = paused;
                choice_.typing = typing;
                Canvas canvas(width, height, look);
                draw(canvas);
                EXPECT_FALSE(drawn_.keys.empty());
                const LiveChoice drawn = choice_;
                for (const KeyButton& button : drawn_.keys) {
                    choice_ = drawn;
                    const KeyEffect effect = apply_key({Key::kClick, 0, button.begin, height - 1}, choice_,
                                                       list_sources(model_, choice_, context_.now), drawn_);
                    EXPECT_TRUE(effect != KeyEffect::kNone || !same(choice_, drawn))
                        << button.key << " at " << width << 'x' << height << (device ? ", device" : "");
                }
            }
        }
    }
}

}  // namespace
}  // namespace tally::stats
