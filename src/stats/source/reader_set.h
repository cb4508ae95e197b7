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

// How soon something is noticed that causes no event: a device, or a pin where inotify does not work.
inline constexpr std::chrono::milliseconds kPollPeriod{100};

// How long it is waited for a pin that is gone, with --all: a loader that removes it and makes it anew has
// long finished.
inline constexpr std::chrono::milliseconds kLostPeriod{60'000};

class ReaderSet {
  public:
    ReaderSet(const ReaderSet&) = delete;  // readers point to its members
    ReaderSet& operator=(const ReaderSet&) = delete;
    ~ReaderSet() = default;

    struct Member {
        std::size_t number = 0;  // never that of another one
        std::unique_ptr<Reader> reader;
        std::optional<std::chrono::steady_clock::time_point> lost;  // when its pin was found to be gone
        std::string problem;                                        // that was told, and lasts
    };

    // `own`: the namespace that the process is in.
    ReaderSet(NetnsContext own, const ReadRequest& request) : request_(request), own_(std::move(own)) {}

    // Named by the command line, not started.
    void add_sources(const std::vector<Source>& sources);
    // Every map there is now; which of them cannot be read is told. follow() adds later ones.
    Result<void> discover();

    const NetnsContext& context() const { return own_; }
    std::vector<Member>& members() { return members_; }
    const std::vector<Member>& members() const { return members_; }
    // Readable while something has happened to the pins.
    int events() const { return watcher_.fd(); }

    bool any_ready() const {
        return any([](const Member& member) { return member.reader->ready(); });
    }
    bool any_in_transition() const {
        return any([](const Member& member) { return member.reader->in_transition(); });
    }
    // There is something that causes no event: follow_polled() has to be called every kPollPeriod.
    bool must_poll() const;

    Result<void> follow_all();
    // What has happened to the pins.
    Result<void> follow_events();
    Result<void> follow_polled();

    // One sample. With ReadRequest::keep_going, that a map cannot be read any more is told, and no error.
    Result<void> sample(Member& member);
    // Removes, with --all, those whose pin has been gone for kLostPeriod since this was called first. Their
    // numbers.
    std::vector<std::size_t> drop_lost(std::chrono::steady_clock::time_point now);
    // There are some whose pin is gone.
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
    // `under_way`: the run has begun, and counts all that the maps hold as its own.
    Result<void> add(const std::vector<FoundMap>& found, bool under_way);
    Result<void> add(const FoundMap& found, bool under_way);
    Source source_of(const FoundMap& found, NetnsContext& context) const;
    Result<NetnsContext*> context_of(const std::string& netns);

    ReadRequest request_;
    PinWatcher watcher_;
    NetnsContext own_;
    std::map<std::string, std::unique_ptr<NetnsContext>> others_;  // by what bpffs calls the namespace
    std::optional<Discovery> discovery_;
    std::map<std::string, std::string> problems_;  // of what was found and could not be read, by directory
    std::vector<Member> members_;
    std::size_t next_number_ = 0;
};

}  // namespace tally::stats
