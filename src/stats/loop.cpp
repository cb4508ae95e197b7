#include "stats/loop.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <string_view>

#include "stats/stop_signal.h"

namespace tally::stats {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;  // CLOCK_MONOTONIC

// Nobody should wait long for the first numbers.
constexpr nanoseconds kFirstBlock = milliseconds(250);
// How soon something is noticed that causes no event: a device, or a pin where inotify does not work.
constexpr nanoseconds kPoll = milliseconds(100);

// One write for a whole record, so that it is not torn between two readers of a pipe. False when the run is
// over: nobody reads any more, or a signal came while the other end did not read.
Result<bool> write_record(std::string_view record) {
    while (!record.empty()) {
        const auto written = ::write(STDOUT_FILENO, record.data(), record.size());
        if (written >= 0) {
            record.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            std::array<pollfd, 2> ready = {{{STDOUT_FILENO, POLLOUT, 0}, {stop_descriptor(), POLLIN, 0}}};
            ::poll(ready.data(), ready.size(), -1);
        } else if (errno == EPIPE) {
            return false;
        } else if (errno != EINTR) {
            return last_error("writing to stdout");
        }
        if (stop_requested() && !record.empty()) {
            return false;
        }
    }
    return true;
}

timespec time_until(steady_clock::time_point moment) {
    const nanoseconds left = std::max(nanoseconds(0), nanoseconds(moment - steady_clock::now()));
    return {static_cast<time_t>(left.count() / 1'000'000'000),
            static_cast<long>(left.count() % 1'000'000'000)};
}

class Loop {
  public:
    Loop(std::vector<Reader>& readers, PinWatcher& watcher, Output& output, const Options& options)
        : readers_(readers), watcher_(watcher), output_(output), options_(options) {}

    Result<void> run() {
        // Arms the watches; what changed since the readers were started is noticed now.
        TALLY_TRY(follow_all());
        plan_first_sample();
        std::uint64_t samples = 0;
        while (!over_ && samples != options_.count) {
            TALLY_TRY(wait());
            if (!over_ && steady_clock::now() >= deadline_) {
                TALLY_TRY_ASSIGN(shown, sample_all());
                samples += shown ? 1 : 0;
                plan_next_sample();
            }
        }
        return {};
    }

  private:
    void plan_first_sample() { deadline_ = steady_clock::now() + std::min(options_.interval, kFirstBlock); }

    void plan_next_sample() {
        deadline_ += options_.interval;
        // A machine that was suspended, or output that was stopped with Ctrl-S, is not caught up with.
        if (const auto late = steady_clock::now() - deadline_; late > nanoseconds(0)) {
            deadline_ += (late / options_.interval + 1) * options_.interval;
        }
    }

    bool any_ready() const {
        return std::any_of(readers_.begin(), readers_.end(), std::mem_fn(&Reader::ready));
    }

    bool must_poll() const {
        return std::any_of(readers_.begin(), readers_.end(), std::mem_fn(&Reader::must_poll));
    }

    // Until the deadline, an event of the pins, or time to look for what causes no event.
    Result<void> wait() {
        const bool polls = must_poll();
        const auto moment = polls ? std::min(deadline_, steady_clock::now() + kPoll) : deadline_;
        std::array<pollfd, 3> watched = {
            {{stop_descriptor(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}, {watcher_.fd(), POLLIN, 0}}};
        const timespec timeout = time_until(moment);
        if (::ppoll(watched.data(), watched.size(), &timeout, nullptr) < 0 && errno != EINTR) {
            return last_error("waiting for the next sample");
        }
        const bool nobody_reads = (watched[1].revents & POLLERR) != 0;
        over_ = stop_requested() || nobody_reads;
        if (over_) {
            return {};
        }
        const bool idle = !any_ready();
        if ((watched[2].revents & POLLIN) != 0) {
            TALLY_TRY(follow_changed(watcher_.drain()));
        }
        if (polls) {
            TALLY_TRY(follow_polled());
        }
        if (idle && any_ready()) {
            plan_first_sample();
        }
        return {};
    }

    Result<void> follow_all() {
        for (Reader& reader : readers_) {
            TALLY_TRY(reader.follow());
        }
        return {};
    }

    Result<void> follow_changed(const PinWatcher::Events& events) {
        for (Reader& reader : readers_) {
            if (reader.woken_by(events)) {
                TALLY_TRY(reader.follow());
            }
        }
        return {};
    }

    Result<void> follow_polled() {
        for (Reader& reader : readers_) {
            if (reader.must_poll()) {
                TALLY_TRY(reader.follow());
            }
        }
        return {};
    }

    // Whether there was anything to show.
    Result<bool> sample_all() {
        bool shown = false;
        for (Reader& reader : readers_) {
            TALLY_TRY_ASSIGN(block, reader.sample());
            if (block == nullptr) {
                continue;
            }
            shown = true;
            buffer_.clear();
            output_.append(buffer_, *block);
            TALLY_TRY_ASSIGN(go_on, write_record({buffer_.data(), buffer_.size()}));
            if (!go_on) {
                over_ = true;
                break;
            }
        }
        return shown;
    }

    std::vector<Reader>& readers_;
    PinWatcher& watcher_;
    Output& output_;
    const Options& options_;
    steady_clock::time_point deadline_;
    bool over_ = false;
    fmt::memory_buffer buffer_;
};

}  // namespace

Result<void> run_once(std::vector<Reader>& readers, Output& output) {
    fmt::memory_buffer buffer;
    for (Reader& reader : readers) {
        buffer.clear();
        output.append(buffer, reader.first_reading());
        TALLY_TRY_ASSIGN(go_on, write_record({buffer.data(), buffer.size()}));
        if (!go_on) {
            break;
        }
    }
    return {};
}

Result<void> run_until_done(std::vector<Reader>& readers, PinWatcher& watcher, Output& output,
                            const Options& options) {
    return Loop(readers, watcher, output, options).run();
}

}  // namespace tally::stats
