// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/loop.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "stats/cli/stop_signal.h"

namespace tally::stats {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;  // CLOCK_MONOTONIC

timespec time_until(steady_clock::time_point moment) {
    const nanoseconds left = std::max(nanoseconds(0), nanoseconds(moment - steady_clock::now()));
    return {static_cast<time_t>(left.count() / 1'000'000'000),
            static_cast<long>(left.count() % 1'000'000'000)};
}

class Loop {
  public:
    Loop(ReaderSet& readers, Consumer& consumer, const Pace& pace)
        : readers_(readers), consumer_(consumer), pace_(pace), find_by_(pace.all_found_by.value_or(kNever)) {}

    Result<bool> run() {
        // Begins to watch the pins; changes since the readers were started are noticed now.
        TALLY_TRY(readers_.follow_all());
        plan_first_round();
        bool any_shown = false;
        std::uint64_t rounds = 0;
        while (!over_ && rounds != pace_.rounds) {
            TALLY_TRY(wait());
            const auto now = steady_clock::now();
            if (readers_.all_found()) {
                find_by_ = kNever;
            }
            if (!over_ && now >= find_by_) {
                return false;
            }
            if (!over_ && now >= deadline_) {
                TALLY_ASSIGN_OR_RETURN(const bool shown, hold_round());
                any_shown = any_shown || shown;
                rounds += counts(shown, any_shown) ? 1 : 0;
                over_ = over_ || now >= limit();
                plan_next_round();
            }
        }
        return any_shown || rounds != pace_.rounds;
    }

  private:
    static constexpr auto kNever = steady_clock::time_point::max();

    steady_clock::time_point limit() const { return pace_.limit.value_or(kNever); }

    // While a loader is replacing a map, which takes no longer than Transition::kLongest, nothing is missing.
    bool counts(bool shown, bool any_shown) const {
        return shown || (!readers_.any_in_transition() && (any_shown || !pace_.rounds_from_first_shown));
    }

    void plan_first_round() { deadline_ = std::min(steady_clock::now() + pace_.first, limit()); }

    void plan_next_round() {
        deadline_ += pace_.interval;
        // Rounds that were missed, as the machine was suspended or output stopped with Ctrl-S, are not made
        // up for.
        if (const auto late = steady_clock::now() - deadline_; late > nanoseconds(0)) {
            deadline_ += (late / pace_.interval + 1) * pace_.interval;
        }
        deadline_ = std::min(deadline_, limit());
    }

    // Until the deadline, a change of pins, a person's input, or the time to look for changes without events.
    Result<void> wait() {
        const bool polls = readers_.must_poll();
        const auto planned = std::min(deadline_, find_by_);
        const auto moment = polls ? std::min(planned, steady_clock::now() + kPollPeriod) : planned;
        std::array<pollfd, 4> watched = {{{stop_descriptor(), POLLIN, 0},
                                          {consumer_.needs_stdout() ? STDOUT_FILENO : -1, 0, 0},
                                          {readers_.events(), POLLIN, 0},
                                          {consumer_.input(), POLLIN, 0}}};
        const timespec timeout = time_until(moment);
        const int ready = ::ppoll(watched.data(), watched.size(), &timeout, nullptr);
        if (ready < 0 && errno != EINTR) {
            return last_error("waiting for the next round");
        }
        // Closed since the start, it would end no wait: what is lost then is the error that writing has.
        if (ready > 0 && (watched[1].revents & POLLNVAL) != 0) {
            return system_error(EBADF, "writing to stdout");
        }
        // A pipe that nobody reads has an error; a socket whose other end is closed may only be hung up.
        const bool nobody_reads = ready > 0 && (watched[1].revents & (POLLERR | POLLHUP)) != 0;
        over_ = stop_requested() || nobody_reads;
        if (over_) {
            return {};
        }
        const bool idle = !readers_.any_ready();
        if (ready > 0 && (watched[2].revents & POLLIN) != 0) {
            TALLY_TRY(readers_.follow_events());
        }
        if (polls) {
            TALLY_TRY(readers_.follow_polled());
        }
        if (idle && readers_.any_ready()) {
            plan_first_round();
        }
        if (ready < 0 || watched[3].revents != 0) {
            TALLY_TRY(take_input());
        }
        return {};
    }

    Result<void> take_input() {
        const auto interval = pace_.interval;
        TALLY_ASSIGN_OR_RETURN(auto go_on, consumer_.take_input());
        over_ = !go_on;
        if (interval != pace_.interval) {
            deadline_ = steady_clock::now() + pace_.interval;
        }
        return {};
    }

    // Whether there was anything to read.
    Result<bool> hold_round() {
        bool shown = false;
        static_cast<void>(readers_.read_delivery());  // without it, the counters can be read all the same
        readers_.note_delivery();
        for (ReaderSet::Member& member : readers_.members()) {
            TALLY_TRY(readers_.sample(member));
            const SampleReport& report = member.reader->report();
            shown = shown || report.readable;
            TALLY_ASSIGN_OR_RETURN(auto go_on, consumer_.take(member.number, report));
            if (!go_on) {
                over_ = true;
                return shown;
            }
        }
        for (const std::size_t source : readers_.drop_lost(steady_clock::now())) {
            consumer_.forget(source);
        }
        TALLY_ASSIGN_OR_RETURN(auto go_on, consumer_.end_round());
        over_ = !go_on;
        return shown;
    }

    ReaderSet& readers_;
    Consumer& consumer_;
    const Pace& pace_;
    steady_clock::time_point deadline_;
    steady_clock::time_point find_by_;  // kNever once all are found
    bool over_ = false;
};

}  // namespace

Result<bool> run_loop(ReaderSet& readers, Consumer& consumer, const Pace& pace) {
    return Loop(readers, consumer, pace).run();
}

Result<void> run_once(ReaderSet& readers, Consumer& consumer) {
    readers.note_delivery();
    for (const ReaderSet::Member& member : readers.members()) {
        if (!member.reader->ready()) {
            continue;  // its pin was removed since it was found
        }
        member.reader->show_first_reading();
        TALLY_ASSIGN_OR_RETURN(auto go_on, consumer.take(member.number, member.reader->report()));
        if (!go_on) {
            return {};
        }
    }
    TALLY_TRY(consumer.end_round());
    return {};
}

}  // namespace tally::stats
