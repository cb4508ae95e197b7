// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/view.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <limits>
#include <utility>

#include "stats/cli/notices.h"

namespace tally::stats {
namespace {

constexpr auto kFarthest = std::numeric_limits<std::ptrdiff_t>::max();

std::string host_name() {
    std::array<char, 256> name = {};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::string time_of_day() {
    const std::time_t now = std::time(nullptr);
    std::tm local = {};
    std::array<char, 16> text = {};
    ::localtime_r(&now, &local);
    return {text.data(), std::strftime(text.data(), text.size(), "%H:%M:%S", &local)};
}

double monotonic_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

View::View(std::unique_ptr<Screen> screen, Pace& pace, Totals totals, PinOf pin_of)
    : screen_(std::move(screen)), pace_(pace), pin_of_(std::move(pin_of)), model_(totals) {
    context_.host = host_name();
    // Without colours, fine lines could not be told apart.
    context_.strokes =
        screen_->colour() && screen_->has_fine_characters() ? Strokes::kBraille : Strokes::kSymbols;
    redirect_notices([this](const std::string& notice) { context_.notice = time_of_day() + "  " + notice; });
    draw();
}

View::~View() {
    redirect_notices({});
}

Result<bool> View::take(std::size_t source, const SampleReport& report) {
    model_.take(source, report, monotonic_seconds());
    return true;
}

void View::forget(std::size_t source) {
    model_.forget(source);
}

Result<bool> View::end_round() {
    // A signal may have come while nothing was waiting for it.
    if (!screen_->process_signals()) {
        return false;
    }
    draw();
    return true;
}

Result<bool> View::take_input() {
    if (!screen_->process_signals()) {
        return false;
    }
    while (const auto press = screen_->next_key()) {
        if (!handle_key(*press)) {
            return false;
        }
    }
    draw();
    return true;
}

bool View::handle_key(KeyPress press) {
    if (choice_.help) {
        // Any key closes the help page; a terminal that was resized is not a key.
        choice_.help = press.key == Key::kOther || press.key == Key::kRedraw;
        return press.key != Key::kCharacter || press.character != 'q';
    }
    const auto page = static_cast<std::ptrdiff_t>(choice_.detail ? 1 : choice_.page);
    switch (press.key) {
        case Key::kUp:
            return move(-1);
        case Key::kDown:
            return move(1);
        case Key::kPageUp:
            return move(-page);
        case Key::kPageDown:
            return move(page);
        case Key::kHome:
            return move(-kFarthest);
        case Key::kEnd:
            return move(kFarthest);
        case Key::kEnter:
            choice_.detail = true;
            break;
        case Key::kBack:
            choice_.detail = false;
            break;
        case Key::kRedraw:
            screen_->forget_contents();
            break;
        case Key::kCharacter:
            return handle_character(press.character);
        case Key::kOther:
            break;
    }
    return true;
}

bool View::move(std::ptrdiff_t by) {
    move_selection(choice_, shown(), by);
    return true;
}

bool View::handle_character(char character) {
    switch (character) {
        case 'q':
            return false;
        case 'j':
            return move(1);
        case 'k':
            return move(-1);
        case 'p':
            pause();
            break;
        case 'r':
            model_.reset_totals();
            if (held_) {
                held_->model.reset_totals();
            }
            break;
        case 't':
            choose_next_totals();
            break;
        case 'a':
            choice_.all_actions = !choice_.all_actions;
            break;
        case 'u':
            choice_.units = next(choice_.units);
            break;
        case 's':
            choice_.sort = next(choice_.sort);
            break;
        case '+':
            pace_.interval = std::chrono::nanoseconds(longer_interval(pace_.interval.count()));
            break;
        case '-':
            pace_.interval = std::chrono::nanoseconds(shorter_interval(pace_.interval.count()));
            break;
        case '?':
            choice_.help = true;
            break;
        default:
            break;
    }
    return true;
}

// After a reset, those that were shown before come first.
void View::choose_next_totals() {
    const Totals totals = model_.totals_are_reset() ? model_.totals() : next(model_.totals());
    model_.choose_totals(totals);
    if (held_) {
        held_->model.choose_totals(totals);
    }
}

void View::pause() {
    choice_.paused = !choice_.paused;
    if (choice_.paused) {
        held_ = Held{model_, context_.clock, context_.now};
    } else {
        held_.reset();
    }
}

void View::draw() {
    context_.interval = pace_.interval;
    context_.clock = held_ ? held_->clock : time_of_day();
    context_.now = held_ ? held_->now : monotonic_seconds();
    context_.pin = choice_.selected ? pin_of_(*choice_.selected) : "";
    Canvas canvas(screen_->width(), screen_->height(), screen_->unicode());
    draw_page(canvas, shown(), choice_, context_);
    screen_->show(canvas);
}

}  // namespace tally::stats
