// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/view.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ctime>
#include <utility>

#include "stats/cli/notices.h"
#include "stats/live/device_inquiry.h"
#include "stats/live/page/page.h"
#include "stats/live/page/selection.h"
#include "stats/live/paint/axis.h"
#include "stats/source/reader_set.h"

namespace tally::stats {
namespace {

// For so many seconds a notice is news.
constexpr double kNewsLasts = 30;
// The facts are as old as this at most, in seconds.
constexpr double kFactsLast = 1;

std::string host_name() {
    std::array<char, 256> name = {};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

double monotonic_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Local seconds since midnight.
double time_of_day() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
    const std::time_t time = seconds.count();
    std::tm local = {};
    ::localtime_r(&time, &local);
    return local.tm_hour * 3600.0 + local.tm_min * 60.0 + local.tm_sec +
           std::chrono::duration<double>(now - seconds).count();
}

unsigned online_cpus() {
    const long count = ::sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? static_cast<unsigned>(count) : 0;
}

}  // namespace

View::View(std::unique_ptr<Screen> screen, Pace& pace, Totals totals, const ReaderSet& readers)
    : screen_(std::move(screen)),
      pace_(pace),
      readers_(readers),
      model_(totals),
      // So columns of round lengths begin at round times of day.
      clock_offset_(time_of_day() - monotonic_seconds()) {
    context_.host = host_name();
    redirect_notices([this](const std::string& notice) {
        context_.notice = time_text(time_of_day(), true) + "  " + notice;
        notice_time_ = monotonic_seconds();
    });
    draw();
}

View::~View() {
    redirect_notices({});
}

Result<bool> View::take(std::size_t source, const SampleReport& report) {
    model_.take(source, report, monotonic_seconds() + clock_offset_);
    return true;
}

void View::forget(std::size_t source) {
    model_.forget(source);
    choice_.open.erase(source);
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
    const SourceList list = list_sources(model_, choice_, context_.now);
    switch (apply_key(press, choice_, list, drawn_)) {
        case KeyEffect::kQuit:
            return false;
        case KeyEffect::kRedraw:
            screen_->forget_contents();
            break;
        case KeyEffect::kPause:
            hold_or_release();
            break;
        case KeyEffect::kResetTotals:
            model_.reset_totals();
            break;
        case KeyEffect::kNextTotals:
            choose_next_totals();
            break;
        case KeyEffect::kLongerInterval:
            pace_.interval = std::chrono::nanoseconds(longer_interval(pace_.interval.count()));
            break;
        case KeyEffect::kShorterInterval:
            pace_.interval = std::chrono::nanoseconds(shorter_interval(pace_.interval.count()));
            break;
        case KeyEffect::kNone:
            break;
    }
    return true;
}

// After a reset, those that were shown before come first.
void View::choose_next_totals() {
    const Totals totals = model_.totals_are_reset() ? model_.totals() : next(model_.totals());
    model_.choose_totals(totals);
}

void View::hold_or_release() {
    if (choice_.paused) {
        held_at_ = context_.now;
        model_.hold();
    } else {
        held_at_.reset();
        model_.release([this](std::size_t source) {
            const Reader* const reader = find_reader(source);
            return reader == nullptr ? nullptr : &reader->report();
        });
    }
}

const Reader* View::find_reader(std::size_t source) const {
    const auto& members = readers_.members();
    const auto member =
        std::find_if(members.begin(), members.end(), [&](const auto& one) { return one.number == source; });
    return member == members.end() ? nullptr : member->reader.get();
}

// In a pause they stay as they are.
void View::refresh_facts() {
    const double now = monotonic_seconds();
    if (!choice_.selected) {
        context_.facts = {};
        facts_of_.reset();
    } else if (facts_of_ != choice_.selected || (!held_at_ && now - facts_time_ >= kFactsLast)) {
        const Reader* const reader = find_reader(*choice_.selected);
        context_.facts = reader == nullptr ? DeviceFacts() : inquire(*reader);
        facts_of_ = choice_.selected;
        facts_time_ = now;
    }
}

void View::draw() {
    const double now = monotonic_seconds();
    context_.interval = pace_.interval;
    context_.now = held_at_.value_or(now + clock_offset_);
    // Differs from 0 once the clock was set, or daylight saving time has begun.
    context_.time_of_day = held_at_ ? context_.time_of_day : std::round(time_of_day() - context_.now);
    context_.cpus = online_cpus();
    if (now - notice_time_ > kNewsLasts) {
        context_.notice.clear();
    }
    const SourceList list = list_sources(model_, choice_, context_.now);
    keep_selection(choice_, model_, list);
    if (choice_.selected) {
        model_.keep_history(*choice_.selected);
    }
    refresh_facts();
    Canvas canvas(screen_->width(), screen_->height(), screen_->look());
    drawn_ = draw_page(canvas, model_, list, choice_, context_);
    screen_->show(canvas);
}

}  // namespace tally::stats
