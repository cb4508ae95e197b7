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
#include "common/pins/netns_context.h"
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

    struct Member {
        std::size_t number = 0;  // unique in this run
        std::unique_ptr<Reader> reader;
        std::optional<std::chrono::steady_clock::time_point> lost;  // since when its pin is gone
        std::string problem;  // the latest that was told, while it lasts
    };

    // `own`: the namespace that the process is in.
    ReaderSet(NetnsContext own, const ReadRequest& request) : request_(request), own_(std::move(own)) {}

    // A namespace that the user named, for the sources there.
    void add_context(const std::string& netns, NetnsContext context) {
        named_[netns] = std::make_unique<NetnsContext>(std::move(context));
    }
    // The sources of the command line, not started yet.
    void add_sources(const std::vector<Source>& sources);
    // All maps that are pinned now; one that cannot be read is told and left out. follow_events() adds later
    // ones.
    Result<void> discover();

    const NetnsContext& context() const { return own_; }
    const NetnsContext& context_of(const Source& source) const {
        return source.netns ? *named_.at(*source.netns) : own_;
    }
    std::vector<Member>& members() { return members_; }
    const std::vector<Member>& members() const { return members_; }
    // Readable when pins have changed.
    int events() const { return watcher_.fd(); }

    bool any_ready() const {
        return any([](const Member& member) { return member.reader->ready(); });
    }
    bool any_in_transition() const {
        return any([](const Member& member) { return member.reader->in_transition(); });
    }
    // Some changes cause no event: follow_polled() has to be called every kPollPeriod.
    bool must_poll() const;

    Result<void> follow_all();
    // Looks at the pins that have changed.
    Result<void> follow_events();
    Result<void> follow_polled();

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
    Source source_of(const FoundMap& found, NetnsContext& context) const;
    Result<NetnsContext*> context_of(const std::string& netns);

    ReadRequest request_;
    PinWatcher watcher_;
    NetnsContext own_;
    std::map<std::string, std::unique_ptr<NetnsContext>> others_;  // by what bpffs calls the namespace
    std::map<std::string, std::unique_ptr<NetnsContext>> named_;   // by what the user calls it
    std::optional<Discovery> discovery_;
    std::map<std::string, std::string> problems_;  // of what was found and could not be read, by directory
    std::vector<Member> members_;
    std::size_t next_number_ = 0;
};

}  // namespace tally::stats
