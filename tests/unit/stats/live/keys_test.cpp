// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/keys.h"

#include <gmock/gmock.h>

#include "stats/live/page/selection.h"
#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

class Keys : public testing::Test {
  protected:
    Keys() {
        for (std::size_t number = 0; number < 5; ++number) {
            SampleReport report = example_report();
            report.title = "veth" + std::to_string(number);
            report.device = report.title;
            model_.take(number, report, 100);
        }
        drawn_.sources = 3;
        drawn_.columns = time_columns(100, 60, 60);
        drawn_.window = kDefaultWindow;
        press(Key::kOther);
        keep_selection(choice_, model_, list());
    }

    SourceList list() { return list_sources(model_, choice_, 100); }
    KeyEffect press(Key key) { return apply_key({key}, choice_, list(), drawn_); }
    KeyEffect type(char character) {
        return apply_key({Key::kCharacter, character}, choice_, list(), drawn_);
    }

    ScreenState model_{Totals::kMap};
    LiveChoice choice_;
    DrawnPage drawn_;
};

TEST_F(Keys, TheSelectionMoves) {
    for (const auto& [key, number] : {std::pair{Key::kDown, 1U},
                                      {Key::kPageDown, 4U},
                                      {Key::kDown, 4U},
                                      {Key::kUp, 3U},
                                      {Key::kPageUp, 0U},
                                      {Key::kEnd, 4U},
                                      {Key::kHome, 0U}}) {
        EXPECT_EQ(press(key), KeyEffect::kNone);
        EXPECT_EQ(choice_.selected, number);
    }
    type('j');
    EXPECT_EQ(choice_.selected, 1U);
    type('k');
    EXPECT_EQ(choice_.selected, 0U);
}

TEST_F(Keys, SortingGoesToTheTop) {
    press(Key::kEnd);
    choice_.top = 3;
    type('s');
    EXPECT_EQ(choice_.sort, Sort::kPackets);
    keep_selection(choice_, model_, list());
    EXPECT_EQ(choice_.selected, 0U);
    EXPECT_EQ(choice_.top, 0);
}

TEST_F(Keys, SortingLeavesThePageOfADevice) {
    press(Key::kEnd);
    press(Key::kEnter);
    type('s');
    keep_selection(choice_, model_, list());
    EXPECT_EQ(choice_.selected, 4U);
}

TEST_F(Keys, NothingIsTypedOnThePageOfADevice) {
    drawn_.source_at = {std::nullopt, 0, 1};
    drawn_.list_end = 50;
    type('/');
    type('v');
    apply_key({Key::kClick, 0, 5, 1}, choice_, list(), drawn_);
    ASSERT_TRUE(choice_.device);
    EXPECT_EQ(type('q'), KeyEffect::kQuit);
    EXPECT_EQ(choice_.filter, "v");
}

TEST_F(Keys, AFilterIsTyped) {
    type('/');
    EXPECT_TRUE(choice_.typing);
    EXPECT_EQ(type('q'), KeyEffect::kNone) << "a letter, and no key";
    type('3');
    EXPECT_EQ(choice_.filter, "q3");
    press(Key::kBackspace);
    press(Key::kBackspace);
    for (const char byte : std::string("h\xc3\xbc")) {
        type(byte);
    }
    press(Key::kBackspace);
    EXPECT_EQ(choice_.filter, "h") << "a letter of two bytes is one letter";
    press(Key::kEnter);
    EXPECT_FALSE(choice_.typing);
    EXPECT_FALSE(choice_.device);
    EXPECT_EQ(choice_.filter, "h");
    press(Key::kEscape);
    EXPECT_EQ(choice_.filter, "");
    type('/');
    type('x');
    press(Key::kEscape);
    EXPECT_FALSE(choice_.typing);
    EXPECT_EQ(choice_.filter, "");
}

TEST_F(Keys, ADeviceHasThePageToItself) {
    press(Key::kEnter);
    EXPECT_TRUE(choice_.device);
    press(Key::kPageDown);
    EXPECT_EQ(choice_.selected, 1U) << "the next one, and not the next page";
    press(Key::kEscape);
    EXPECT_FALSE(choice_.device);
    press(Key::kEnter);
    press(Key::kBackspace);
    EXPECT_FALSE(choice_.device);
}

TEST_F(Keys, DevicesOpenAndClose) {
    type('o');
    EXPECT_THAT(choice_.open, testing::ElementsAre(0U));
    type('o');
    EXPECT_THAT(choice_.open, testing::IsEmpty());
    type('O');
    EXPECT_EQ(choice_.open.size(), 5U);
    type('O');
    EXPECT_THAT(choice_.open, testing::IsEmpty());
}

TEST_F(Keys, TheWindowHasEnds) {
    type('[');
    EXPECT_EQ(choice_.window, kDefaultWindow - 1);
    drawn_.window = 0;
    type('[');
    EXPECT_EQ(choice_.window, 0U);
    drawn_.window = kWindows.size() - 1;
    type(']');
    EXPECT_EQ(choice_.window, kWindows.size() - 1);
}

TEST_F(Keys, TheCursorMovesWhilePaused) {
    press(Key::kLeft);
    EXPECT_FALSE(choice_.cursor) << "not while the display goes on";
    EXPECT_EQ(type(' '), KeyEffect::kPause);
    EXPECT_TRUE(choice_.paused);
    press(Key::kLeft);
    EXPECT_EQ(choice_.cursor, drawn_.columns.at(59));
    press(Key::kLeft);
    EXPECT_EQ(choice_.cursor, drawn_.columns.at(58));
    press(Key::kRight);
    press(Key::kRight);
    EXPECT_EQ(choice_.cursor, drawn_.columns.at(59));
    for (int i = 0; i < 100; ++i) {
        press(Key::kLeft);
    }
    EXPECT_EQ(choice_.cursor, drawn_.columns.begin);
    press(Key::kEscape);
    EXPECT_FALSE(choice_.cursor);
    EXPECT_TRUE(choice_.paused);
    press(Key::kLeft);
    EXPECT_EQ(type('p'), KeyEffect::kPause);
    EXPECT_FALSE(choice_.paused);
    EXPECT_FALSE(choice_.cursor);
}

TEST_F(Keys, AClickOnAKeyInTheLastLineIsThatKey) {
    drawn_.source_at.resize(24);
    drawn_.keys = {{1, 7, "q"}, {9, 21, "Enter"}, {23, 32, "s"}, {34, 36, "["}, {36, 43, "]"}};
    const auto click = [&](int x, int y) {
        return apply_key({Key::kClick, 0, x, y}, choice_, list(), drawn_);
    };
    EXPECT_EQ(click(1, 23), KeyEffect::kQuit);
    EXPECT_EQ(click(1, 22), KeyEffect::kNone);
    EXPECT_EQ(click(8, 23), KeyEffect::kNone);
    click(31, 23);
    EXPECT_EQ(choice_.sort, Sort::kPackets);
    click(42, 23);
    EXPECT_EQ(choice_.window, kDefaultWindow + 1);
    click(34, 23);
    EXPECT_EQ(choice_.window, kDefaultWindow - 1);
    EXPECT_FALSE(choice_.device);
    click(20, 23);
    EXPECT_TRUE(choice_.device);
}

TEST_F(Keys, AClickSelectsAndASecondOneOpens) {
    drawn_.source_at = {std::nullopt, 0, 0, 3};
    drawn_.list_end = 50;
    const auto click = [&](int x, int y) { apply_key({Key::kClick, 0, x, y}, choice_, list(), drawn_); };
    click(10, 3);
    EXPECT_EQ(choice_.selected, 3U);
    EXPECT_FALSE(choice_.device);
    click(60, 1);
    click(10, 0);
    click(10, 100);
    EXPECT_EQ(choice_.selected, 3U);
    click(10, 3);
    EXPECT_TRUE(choice_.device);
}

TEST_F(Keys, AnyKeyClosesWhatIsOverThePage) {
    type('?');
    EXPECT_TRUE(choice_.help);
    press(Key::kOther);
    EXPECT_TRUE(choice_.help) << "the terminal was resized";
    press(Key::kDown);
    EXPECT_FALSE(choice_.help);
    EXPECT_EQ(choice_.selected, 0U);
    type('y');
    EXPECT_TRUE(choice_.command);
    EXPECT_EQ(type('q'), KeyEffect::kQuit);
}

TEST_F(Keys, SomeAreForTheOwnerOfTheScreen) {
    EXPECT_EQ(type('q'), KeyEffect::kQuit);
    EXPECT_EQ(type('t'), KeyEffect::kNextTotals);
    EXPECT_EQ(type('r'), KeyEffect::kResetTotals);
    EXPECT_EQ(type('+'), KeyEffect::kLongerInterval);
    EXPECT_EQ(type('-'), KeyEffect::kShorterInterval);
    EXPECT_EQ(press(Key::kRedraw), KeyEffect::kRedraw);
    EXPECT_EQ(type('~'), KeyEffect::kNone);
}

TEST_F(Keys, ChoicesGoThereAndBack) {
    for (int round = 1; round <= 2; ++round) {
        type('a');
        type('c');
        type('i');
        EXPECT_EQ(choice_.all_actions, round == 1);
        EXPECT_EQ(choice_.own_scale, round == 1);
        EXPECT_EQ(choice_.hide_idle, round == 1);
    }
    type('u');
    EXPECT_EQ(choice_.units, Units::kBytes);
    EXPECT_EQ(next(next(choice_.units)), Units::kPacketsAndBits);
}

TEST_F(Keys, IntervalsGoInSteps) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    EXPECT_EQ(longer_interval(kSecond), 2 * kSecond);
    EXPECT_EQ(longer_interval(1'300'000'000), 2 * kSecond);
    EXPECT_EQ(longer_interval(60 * kSecond), 60 * kSecond);
    EXPECT_EQ(longer_interval(3600 * kSecond), 3600 * kSecond) << "chosen on the command line";
    EXPECT_EQ(shorter_interval(kSecond), kSecond / 2);
    EXPECT_EQ(shorter_interval(3600 * kSecond), 60 * kSecond);
    EXPECT_EQ(shorter_interval(kSecond / 10), kSecond / 10);
    EXPECT_EQ(shorter_interval(1'000'000), 1'000'000);
}

}  // namespace
}  // namespace tally::stats
