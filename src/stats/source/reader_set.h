// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The readers of a run: those the command line names or, with --all, one for every counter map below the root
// of bpffs, as they come and go.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/pins/netns_context.h"
#include "stats/source/delivery_reader.h"
#include "stats/source/departure_log.h"
#include "stats/source/discovery.h"
#include "stats/source/pin_watcher.h"
#include "stats/source/read_request.h"
#include "stats/source/reader.h"

namespace tally::stats {

// How soon changes without an event are noticed: a device that appears, or pins where inotify does not work.
inline constexpr std::chrono::milliseconds kPollPeriod{100};

// With --all, how long a removed pin is waited for. A loader that removes and creates it takes far less.
inline constexpr std::chrono::milliseconds kLostPeriod{60'000};

class ReaderSet {
  public:
    ReaderSet(const ReaderSet&) = delete;  // readers point to its members
    ReaderSet& operator=(const ReaderSet&) = delete;
    ~ReaderSet() = default;

    // A network namespace, and the devices that have left it. Its sockets keep it in existence.
    struct Watched {
        NetnsContext context;
        DepartureLog departures;
    };

    struct Member {
        std::size_t number = 0;  // unique in this run
        std::shared_ptr<Watched> place;
        std::unique_ptr<Reader> reader;
        std::optional<std::chrono::steady_clock::time_point> lost;  // since when its pin is gone
        std::string problem;  // the latest that was told, while it lasts
    };

    // `own`: the namespace that the process is in.
    ReaderSet(NetnsContext own, const ReadRequest& request);

    // A namespace that the user named, for the sources there.
    Result<void> add_context(const std::string& netns, NetnsContext context);
    // The sources of the command line, not started yet.
    void add_sources(const std::vector<Source>& sources);
    // All maps that are pinned now; one that cannot be read is told and left out, unless only the kernel
    // could not answer: then nobody knows what would be missing. follow_events() adds later ones.
    Result<void> discover();
    // An error where some that discover() has found could not be read: what is shown is not all there is. A
    // map of another layout is no counter map, and one that is gone by then is none either.
    Result<void> check_all_were_read() const;
    // With --all: a notice where the user that the process has become may not look for maps; of those that it
    // has found before, each reader tells it.
    void note_barrier() const;
    // There are directories that this process may not look into, of which nothing says that they have
    // counters.
    bool may_be_more() const { return may_be_more_; }

    const NetnsContext& context() const { return own_->context; }
    // In the order of the command line; with --all, in natural order.
    std::vector<Member>& members() { return members_; }
    const std::vector<Member>& members() const { return members_; }
    // Readable when pins have changed, or devices have left their network namespace.
    int events() const { return events_ ? events_.get() : watcher_.fd(); }

    bool any_ready() const {
        return any([](const Member& member) { return member.reader->ready(); });
    }
    bool all_found() const {
        return !any([](const Member& member) { return !member.reader->found(); });
    }
    bool any_in_transition() const {
        return any([](const Member& member) { return member.reader->in_transition(); });
    }
    // Some changes cause no event: follow_polled() has to be called every kPollPeriod.
    bool must_poll() const;

    Result<void> follow_all();
    // Looks at the pins that have changed, and has the next samples look at devices that have left.
    Result<void> follow_events();
    Result<void> follow_polled();
    // With --all: looks again for maps that an earlier call has found and not added, as it failed. Whether
    // all that are pinned are among the members.
    Result<void> find_left_out();

    // What became of packets, once for all sources of a round: before they are started, and before their
    // samples. An error only where the kernel could not answer.
    Result<void> read_delivery();
    // Why that cannot be read, if it cannot: a notice, once for as long as it lasts.
    void note_delivery();
    // What to do where an expectation is about what becomes of packets, and nothing tracks that.
    const std::string& tracking_hint() const { return delivery_.hint(); }
    // One sample. With ReadRequest::keep_going an error is told, not returned.
    Result<void> sample(Member& member);
    // With --all, removes those whose pin has been gone for kLostPeriod, and returns their numbers.
    std::vector<std::size_t> drop_lost(std::chrono::steady_clock::time_point now);
    // The pins of some are gone.
    bool any_lost() const {
        return any([](const Member& member) { return member.lost.has_value(); });
    }

  private:
    template <typename Test>
    bool any(const Test& test) const {
        return std::any_of(members_.begin(), members_.end(), test);
    }
    Result<void> follow(Member& member);
    Result<void> tolerate(Member& member, Result<void> outcome);
    // `under_way`: the run has begun, so all that the maps hold was counted during it.
    Result<void> add(const std::vector<FoundMap>& found, bool under_way);
    Result<void> add(const FoundMap& found, bool under_way);
    void note_missing(const FoundMap& found, const NetnsContext& context);
    void note_closed(const FoundMap& found, const NetnsContext& context);
    void note_problem(const FoundMap& found, const std::string& title, std::string problem);
    void say_what_is_ignored();
    static Result<Source> source_of(const FoundMap& found, const NetnsContext& context);
    Result<std::shared_ptr<Watched>> watched_of(const std::string& netns);
    void listen(Watched& watched);
    Result<void> listen_inside(Watched& watched, const std::string& path);
    void wake_by(int fd) const;
    void note_departures(Watched& watched);

    ReadRequest request_;
    PinWatcher watcher_;
    UniqueFd events_;  // epoll, of all that wakes the run; none where there could be none
    std::shared_ptr<Watched> own_;
    DeliveryReader delivery_;
    std::string delivery_problem_;  // the latest that was told, while it lasts
    // By what the user calls the namespace; with --all, by what bpffs calls it.
    std::map<std::string, std::shared_ptr<Watched>> others_;
    std::optional<Discovery> discovery_;
    bool told_of_ignored_ = false;
    std::map<std::string, std::string> problems_;  // of what was found and could not be read, by directory
    std::map<std::string, ErrorKind> unread_;      // of counters that could not be read, by directory
    bool may_be_more_ = false;                     // where this process may not look
    bool left_out_ = false;                        // some are no members: the next scrape looks for them
    bool unanswered_ = false;  // the same, as the kernel could not answer: they are looked for without one
    std::vector<Member> members_;
    std::size_t next_number_ = 0;
};

}  // namespace tally::stats
