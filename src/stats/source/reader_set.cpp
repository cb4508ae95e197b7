// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/reader_set.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include <xdp_tally/abi.h>

#include "common/base/device_name.h"
#include "common/base/directory.h"
#include "common/base/printable.h"
#include "common/bpf/capability_sets.h"
#include "common/network/interface.h"
#include "common/network/netns.h"
#include "common/pins/bpffs.h"
#include "common/pins/meta.h"
#include "common/start/descriptor_limit.h"
#include "stats/source/pin_error.h"

namespace tally::stats {
namespace {

// Where its directory has a meta or there is a device of its name; else it is just a pin.
Result<bool> is_device(const FoundMap& found, const NetnsContext& context) {
    if (!check_interface_name(found.name)) {
        return false;
    }
    TALLY_ASSIGN_OR_RETURN(const auto meta, find_meta(found.directory));
    if (meta || !found.netns.empty()) {
        return true;
    }
    TALLY_ASSIGN_OR_RETURN(const auto interface, answer_of(context.find(found.name)));
    return interface && *interface;
}

}  // namespace

ReaderSet::ReaderSet(NetnsContext own, const ReadRequest& request)
    : request_(request),
      events_(::epoll_create1(EPOLL_CLOEXEC)),
      own_(std::make_shared<Watched>(Watched{std::move(own), {}})),
      delivery_(own_->context) {
    request_.delivery = &delivery_;
    wake_by(watcher_.fd());
    if (own_->context.visibility == NetnsContext::Visibility::kHere) {
        listen(*own_);
    }
}

Result<void> ReaderSet::add_context(const std::string& netns, NetnsContext context) {
    auto& named = others_[netns];
    named = std::make_shared<Watched>(Watched{std::move(context), {}});
    return listen_inside(*named, netns);
}

void ReaderSet::add_sources(const std::vector<Source>& sources) {
    for (const Source& source : sources) {
        const auto place = source.netns ? others_.at(*source.netns) : own_;
        members_.push_back(
            {next_number_++,
             place,
             std::make_unique<Reader>(source, request_, place->context, place->departures, watcher_),
             std::nullopt,
             {}});
    }
}

Result<void> ReaderSet::discover() {
    discovery_.emplace(own_->context.bpffs.path, watcher_);
    TALLY_ASSIGN_OR_RETURN(auto found, discovery_->look());
    return add(found, false);
}

Result<void> ReaderSet::check_all_were_read() const {
    if (unread_.empty()) {
        return {};
    }
    const bool denied = std::any_of(unread_.begin(), unread_.end(),
                                    [](const auto& one) { return one.second == ErrorKind::kPermission; });
    return make_error(denied ? ErrorKind::kPermission : ErrorKind::kSystem,
                      fmt::format("reading the counters below {}", own_->context.bpffs.path),
                      fmt::format("those in {} of the directories there cannot be read", unread_.size()));
}

void ReaderSet::note_barrier() const {
    if (!discovery_ || !members_.empty()) {
        return;
    }
    const std::string& root = own_->context.bpffs.path;
    if (auto names = list_directory(root); !names) {
        request_.notices.say(root, explain_barrier(std::move(names).error(), root + '/').message_and_hint());
    }
}

bool ReaderSet::must_poll() const {
    return (discovery_ && (discovery_->must_poll() || unanswered_)) ||
           any([](const Member& member) { return member.reader->must_poll(); });
}

Result<void> ReaderSet::follow_all() {
    for (Member& member : members_) {
        TALLY_TRY(follow(member));
    }
    return {};
}

Result<void> ReaderSet::follow_events() {
    note_departures(*own_);
    for (auto& [netns, other] : others_) {
        note_departures(*other);
    }
    const PinWatcher::Events& events = watcher_.drain();
    for (Member& member : members_) {
        if (member.reader->woken_by(events)) {
            TALLY_TRY(follow(member));
        }
    }
    return discovery_ ? add(discovery_->look_again(events), true) : Result<void>();
}

Result<void> ReaderSet::follow_polled() {
    for (Member& member : members_) {
        if (member.reader->must_poll()) {
            TALLY_TRY(follow(member));
        }
    }
    if (!discovery_ || !(discovery_->must_poll() || unanswered_)) {
        return {};
    }
    const auto found = discovery_->look();
    unanswered_ = unanswered_ && !found;
    return found ? add(*found, true) : Result<void>();
}

Result<void> ReaderSet::read_delivery() {
    auto read = delivery_.read();
    return read || !is_failed_question(read.error()) ? Result<void>() : read;
}

void ReaderSet::note_delivery() {
    const std::string& problem = delivery_.obstacle();
    if (std::exchange(delivery_problem_, problem) != problem && !problem.empty()) {
        request_.notices.say("delivered and lost packets", "not known: " + problem);
    }
}

Result<void> ReaderSet::sample(Member& member) {
    return tolerate(member, member.reader->sample());
}

Result<void> ReaderSet::follow(Member& member) {
    return tolerate(member, member.reader->follow());
}

// One of many sources must not end the run, and none a server. Without descriptors it is no trouble of one.
Result<void> ReaderSet::tolerate(Member& member, Result<void> outcome) {
    if (outcome) {
        member.problem.clear();
        return outcome;
    }
    if (!request_.keep_going || lacks_descriptors(outcome.error())) {
        return outcome;
    }
    if (std::string problem = outcome.error().message(); problem != member.problem) {
        request_.notices.say(member.reader->title(), problem);
        member.problem = std::move(problem);
    }
    return {};
}

std::vector<std::size_t> ReaderSet::drop_lost(std::chrono::steady_clock::time_point now) {
    std::vector<std::size_t> dropped;
    if (!discovery_) {
        return dropped;
    }
    std::erase_if(members_, [&](Member& member) {
        if (member.reader->ready() || member.reader->denied()) {
            member.lost.reset();
            return false;
        }
        member.lost = member.lost.value_or(now);
        if (now - *member.lost < kLostPeriod) {
            return false;
        }
        discovery_->forget(member.reader->directory());
        dropped.push_back(member.number);
        return true;
    });
    // Without the capability nobody could look into them again.
    std::erase_if(others_, [](const auto& other) {
        return other.second.use_count() == 1 && has_capability(CAP_SYS_ADMIN);
    });
    return dropped;
}

// Once: who may make directories could make thousands of notices.
void ReaderSet::say_what_is_ignored() {
    if (!told_of_ignored_ && !discovery_->ignored().empty()) {
        told_of_ignored_ = true;
        request_.notices.say(discovery_->ignored(),
                             "it belongs to another user: directories of other users are ignored");
    }
}

Result<void> ReaderSet::find_left_out() {
    if (!left_out_ && !unanswered_) {
        return {};
    }
    TALLY_ASSIGN_OR_RETURN(auto found, discovery_->look());
    left_out_ = false;
    unanswered_ = false;
    return add(found, true);
}

Result<void> ReaderSet::add(const std::vector<FoundMap>& found, bool under_way) {
    say_what_is_ignored();
    for (auto map = found.begin(); map != found.end(); ++map) {
        auto added = add(*map, under_way);
        if (!added) {
            left_out_ = true;
            std::for_each(map, found.end(),
                          [this](const FoundMap& left) { discovery_->forget(left.directory); });
            return added;
        }
    }
    return {};
}

Result<void> ReaderSet::add(const FoundMap& found, bool under_way) {
    TALLY_ASSIGN_OR_RETURN(const auto place, watched_of(found.netns));
    const auto same = [&](const Member& member) { return member.reader->directory() == found.directory; };
    if (const auto known = std::find_if(members_.begin(), members_.end(), same); known != members_.end()) {
        return follow(*known);
    }
    if (found.is_missing) {
        note_missing(found, place->context);
        return {};
    }
    if (found.closed) {
        note_closed(found, place->context);
        return {};
    }
    const auto source = source_of(found, place->context);
    auto reader =
        source ? std::make_unique<Reader>(*source, request_, place->context, place->departures, watcher_)
               : nullptr;
    const auto start = [&] { return under_way ? reader->join() : reader->start(); };
    auto started = reader == nullptr ? Result<void>(source.error()) : start();
    const bool unanswered = !started && is_failed_question(started.error());
    if (!started && (lacks_descriptors(started.error()) || (unanswered && !under_way))) {
        return started;
    }
    if (!started) {
        note_problem(found, reader == nullptr ? found.directory : reader->title(), started.error().message());
        const ErrorKind kind = started.error().kind;
        if (kind != ErrorKind::kConflict && kind != ErrorKind::kNotFound) {
            unread_[found.directory] = kind;
        }
        discovery_->forget(found.directory);
        unanswered_ = unanswered_ || unanswered;
        return {};
    }
    problems_.erase(found.directory);
    unread_.erase(found.directory);
    const auto behind = std::upper_bound(members_.begin(), members_.end(), reader->report(),
                                         [](const SampleReport& report, const Member& member) {
                                             return is_listed_before(report, member.reader->report());
                                         });
    members_.insert(behind, {next_number_++, place, std::move(reader), std::nullopt, {}});
    return {};
}

void ReaderSet::note_problem(const FoundMap& found, const std::string& title, std::string problem) {
    std::string& told = problems_[found.directory];
    if (problem != told) {
        request_.notices.say(title, problem);
        told = std::move(problem);
    }
}

// Its next event tells whether it is pinned again.
void ReaderSet::note_missing(const FoundMap& found, const NetnsContext& context) {
    const auto error = explain_missing_pin(found.name, context, found.directory + '/' + XDP_TALLY_MAP_NAME);
    note_problem(found, printable(with_netns(found.netns, found.name)), error.message_and_hint());
    unread_[found.directory] = error.kind;
}

// What has the name of an interface or of a namespace has counters. Other programs have directories of their
// own, too, which are no failure of every user's.
void ReaderSet::note_closed(const FoundMap& found, const NetnsContext& context) {
    const auto device = is_device(found, context);
    const std::string where = printable(found.directory);
    const Error& error = *found.closed;
    if (!found.netns.empty() || !device || *device) {
        unread_[found.directory] = error.kind;
        note_problem(found, where, error.message_and_hint());
        return;
    }
    may_be_more_ = true;
    if (request_.notices.verbose()) {
        note_problem(found, where, error.message());
    }
}

Result<Source> ReaderSet::source_of(const FoundMap& found, const NetnsContext& context) {
    TALLY_ASSIGN_OR_RETURN(const bool device, is_device(found, context));
    return device ? Source{Source::Kind::kDevice, found.name, 0, found.directory}
                  : Source{Source::Kind::kPin, found.directory + '/' + XDP_TALLY_MAP_NAME, 0, {}};
}

Result<std::shared_ptr<ReaderSet::Watched>> ReaderSet::watched_of(const std::string& netns) {
    if (netns == own_->context.netns) {
        return own_;
    }
    const auto known = others_.find(netns);
    if (known != others_.end()) {
        // The namespace may have been deleted, and another created with its name.
        const auto inode = inode_of_netns(netns);
        if (!inode || *inode == known->second->context.inode) {
            return known->second;
        }
    }
    TALLY_ASSIGN_OR_RETURN(auto context, view_netns_context(netns, own_->context));
    auto& other = others_[netns];
    if (!other) {
        other = std::make_shared<Watched>();
    }
    *other = {std::move(context), {}};  // its readers keep their pointers
    TALLY_TRY(listen_inside(*other, netns_path(netns)));
    return other;
}

// Without an announcement of what leaves it, it is looked at all the same.
Result<void> ReaderSet::listen_inside(Watched& watched, const std::string& path) {
    const auto fd = watched.context.visibility == NetnsContext::Visibility::kRemote
                        ? open_netns(path)
                        : Result<UniqueFd>(make_error(ErrorKind::kNotFound, path));
    if (!fd) {
        return {};
    }
    return inside_netns(*fd, path, [&]() -> Result<void> {
        listen(watched);
        return {};
    });
}

// In the namespace of the calling thread.
void ReaderSet::listen(Watched& watched) {
    watched.departures = DepartureLog::listen(watched.context.links);
    wake_by(watched.departures.fd());
}

void ReaderSet::wake_by(int fd) const {
    epoll_event event = {};
    event.events = EPOLLIN;
    if (fd >= 0) {
        ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event);
    }
}

void ReaderSet::note_departures(Watched& watched) {
    if (!watched.departures.drain()) {
        return;
    }
    for (const Member& member : members_) {
        if (member.place.get() == &watched) {
            member.reader->note_departures();
        }
    }
}

}  // namespace tally::stats
