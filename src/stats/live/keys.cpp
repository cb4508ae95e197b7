// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/keys.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "stats/live/page/selection.h"

namespace tally::stats {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMillisecond;
constexpr std::array<std::int64_t, 10> kIntervals = {
    100 * kMillisecond, 200 * kMillisecond, 500 * kMillisecond, kSecond,      2 * kSecond,
    5 * kSecond,        10 * kSecond,       20 * kSecond,       30 * kSecond, 60 * kSecond};
constexpr auto kFarthest = std::numeric_limits<std::ptrdiff_t>::max();

void to_top(LiveChoice& choice) {
    choice.moved = false;
    choice.position = 0;
    choice.top = 0;
}

// Takes off the last character, which may be of several bytes.
void erase_last(std::string& text) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80U) {
        text.pop_back();
    }
    if (!text.empty()) {
        text.pop_back();
    }
}

// True: the key belonged to the filter.
bool type_filter(KeyPress press, LiveChoice& choice) {
    switch (press.key) {
        case Key::kCharacter:
            choice.filter += press.character;
            to_top(choice);
            return true;
        case Key::kBackspace:
            erase_last(choice.filter);
            return true;
        case Key::kEnter:
            choice.typing = false;
            return true;
        case Key::kEscape:
            choice.typing = false;
            choice.filter.clear();
            return true;
        default:
            return false;  // one may move in the list meanwhile
    }
}

void move_cursor(LiveChoice& choice, const TimeColumns& columns, double by) {
    if (!choice.paused || columns.count == 0) {
        return;
    }
    const double last = columns.at(columns.count - 1);
    const double moment = choice.cursor ? *choice.cursor + by * columns.step : last;
    choice.cursor = std::clamp(moment, columns.begin, last);
}

void open_selected(LiveChoice& choice) {
    choice.moved = true;
    if (choice.selected && choice.open.erase(*choice.selected) == 0) {
        choice.open.insert(*choice.selected);
    }
}

void open_all(LiveChoice& choice, const SourceList& list) {
    if (!choice.open.empty()) {
        choice.open.clear();
        return;
    }
    for (const Listed& listed : list.order) {
        choice.open.insert(listed.source->number);
    }
}

// The key whose name was clicked in the last line.
KeyPress clicked_key(KeyPress press, const DrawnPage& drawn) {
    static constexpr std::array<std::pair<std::string_view, KeyPress>, 5> kNamed = {{
        {"Enter", {Key::kEnter}},
        {"Esc", {Key::kEscape}},
        {"Left", {Key::kLeft}},
        {"Right", {Key::kRight}},
        {"Space", {Key::kCharacter, ' '}},
    }};
    for (const KeyButton& button : drawn.keys) {
        if (press.x < button.begin || press.x >= button.end) {
            continue;
        }
        if (button.key.size() == 1) {
            return {Key::kCharacter, button.key[0]};
        }
        for (const auto& [name, key] : kNamed) {
            if (button.key == name) {
                return key;
            }
        }
    }
    return {};
}

void click(KeyPress press, LiveChoice& choice, const DrawnPage& drawn) {
    const auto line = static_cast<std::size_t>(std::max(press.y, 0));
    if (choice.device || line >= drawn.source_at.size() || press.x >= drawn.list_end ||
        !drawn.source_at[line]) {
        return;
    }
    choice.device = choice.selected == drawn.source_at[line];
    choice.typing = choice.typing && !choice.device;
    choice.selected = drawn.source_at[line];
    choice.moved = true;
}

KeyEffect apply_character(char character, LiveChoice& choice, const SourceList& list, std::size_t window) {
    switch (character) {
        case 'q':
            return KeyEffect::kQuit;
        case 'j':
            move_selection(choice, list, 1);
            break;
        case 'k':
            move_selection(choice, list, -1);
            break;
        case 'p':
        case ' ':
            choice.paused = !choice.paused;
            choice.cursor.reset();
            return KeyEffect::kPause;
        case 't':
            return KeyEffect::kNextTotals;
        case 'r':
            return KeyEffect::kResetTotals;
        case 'a':
            choice.all_actions = !choice.all_actions;
            break;
        case 'c':
            choice.own_scale = !choice.own_scale;
            break;
        case 'i':
            choice.hide_idle = !choice.hide_idle;
            break;
        case 'o':
            open_selected(choice);
            break;
        case 'O':
            open_all(choice, list);
            break;
        case 'u':
            choice.units = next(choice.units);
            break;
        case 's':
            choice.sort = next(choice.sort);
            if (!choice.device) {
                to_top(choice);
            }
            break;
        case 'y':
            choice.command = true;
            break;
        case '/':
            choice.typing = true;
            choice.device = false;
            break;
        case '[':
            choice.window = window > 0 ? window - 1 : 0;
            break;
        case ']':
            choice.window = std::min(window + 1, kWindows.size() - 1);
            break;
        case '+':
            return KeyEffect::kLongerInterval;
        case '-':
            return KeyEffect::kShorterInterval;
        case '?':
            choice.help = true;
            break;
        default:
            break;
    }
    return KeyEffect::kNone;
}

// Any key closes what is over the page; a terminal that was resized is not a key.
KeyEffect close_popup(KeyPress press, LiveChoice& choice) {
    if (press.key == Key::kRedraw) {
        return KeyEffect::kRedraw;
    }
    if (press.key != Key::kOther) {
        choice.help = false;
        choice.command = false;
    }
    return press.key == Key::kCharacter && press.character == 'q' ? KeyEffect::kQuit : KeyEffect::kNone;
}

void escape(LiveChoice& choice) {
    if (choice.cursor) {
        choice.cursor.reset();
    } else if (choice.device) {
        choice.device = false;
    } else {
        choice.filter.clear();
    }
}

}  // namespace

KeyEffect apply_key(KeyPress press, LiveChoice& choice, const SourceList& list, const DrawnPage& drawn) {
    if (choice.help || choice.command) {
        return close_popup(press, choice);
    }
    if (press.key == Key::kClick && !drawn.keys.empty() &&
        press.y + 1 == static_cast<int>(drawn.source_at.size())) {
        return apply_key(clicked_key(press, drawn), choice, list, drawn);
    }
    if (choice.typing && type_filter(press, choice)) {
        return KeyEffect::kNone;
    }
    const auto page = static_cast<std::ptrdiff_t>(choice.device ? 1 : drawn.sources);
    switch (press.key) {
        case Key::kUp:
            move_selection(choice, list, -1);
            break;
        case Key::kDown:
            move_selection(choice, list, 1);
            break;
        case Key::kPageUp:
            move_selection(choice, list, -page);
            break;
        case Key::kPageDown:
            move_selection(choice, list, page);
            break;
        case Key::kHome:
            move_selection(choice, list, -kFarthest);
            break;
        case Key::kEnd:
            move_selection(choice, list, kFarthest);
            break;
        case Key::kLeft:
            move_cursor(choice, drawn.columns, -1);
            break;
        case Key::kRight:
            move_cursor(choice, drawn.columns, 1);
            break;
        case Key::kEnter:
            choice.device = choice.selected.has_value();
            choice.moved = true;
            break;
        case Key::kEscape:
        case Key::kBackspace:
            escape(choice);
            break;
        case Key::kRedraw:
            return KeyEffect::kRedraw;
        case Key::kClick:
            click(press, choice, drawn);
            break;
        case Key::kCharacter:
            return apply_character(press.character, choice, list, drawn.window);
        case Key::kOther:
            break;
    }
    return KeyEffect::kNone;
}

std::int64_t longer_interval(std::int64_t nanoseconds) {
    const auto* const step = std::upper_bound(kIntervals.begin(), kIntervals.end(), nanoseconds);
    return step == kIntervals.end() ? nanoseconds : *step;
}

std::int64_t shorter_interval(std::int64_t nanoseconds) {
    const auto* const step = std::lower_bound(kIntervals.begin(), kIntervals.end(), nanoseconds);
    return step == kIntervals.begin() ? nanoseconds : *(step - 1);
}

}  // namespace tally::stats
