// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/reader_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <xdp_tally/abi.h>

#include "common/base/printable.h"
#include "common/kernel/interface.h"
#include "common/pins/meta.h"

namespace tally::stats {
namespace {

using std::chrono::steady_clock;

}  // namespace

ReaderSet::ReaderSet(NetnsContext own, const Options& options)
    : options_(&options), notices_(options.quiet, options.verbose), own_(std::move(own)) {}

void ReaderSet::add_sources() {
    for (const Source& source : options_->sources) {
        members_.push_back(
            {next_number_++, std::make_unique<Reader>(source, *options_, own_, watcher_), std::nullopt, {}});
    }
}

Result<void> ReaderSet::discover() {
    discovery_.emplace(own_.bpffs.path, watcher_);
    TALLY_ASSIGN_OR_RETURN(auto found, discovery_->look());
    return take_up(found, false);
}

bool ReaderSet::any_ready() const {
    return std::any_of(members_.begin(), members_.end(),
                       [](const Member& member) { return member.reader->ready(); });
}

bool ReaderSet::must_poll() const {
    return (discovery_ && discovery_->must_poll()) ||
           std::any_of(members_.begin(), members_.end(),
                       [](const Member& member) { return member.reader->must_poll(); });
}

Result<void> ReaderSet::follow_all() {
    for (Member& member : members_) {
        TALLY_TRY(follow(member));
    }
    return {};
}

Result<void> ReaderSet::follow_events() {
    const PinWatcher::Events& events = watcher_.drain();
    for (Member& member : members_) {
        if (member.reader->woken_by(events)) {
            TALLY_TRY(follow(member));
        }
    }
    return discovery_ ? take_up(discovery_->look_again(events), true) : Result<void>();
}

Result<void> ReaderSet::follow_polled() {
    for (Member& member : members_) {
        if (member.reader->must_poll()) {
            TALLY_TRY(follow(member));
        }
    }
    if (!discovery_ || !discovery_->must_poll()) {
        return {};
    }
    const auto found = discovery_->look();
    return found ? take_up(*found, true) : Result<void>();
}

Result<void> ReaderSet::sample(Member& member) {
    return tolerate(member, member.reader->sample());
}

Result<void> ReaderSet::follow(Member& member) {
    return tolerate(member, member.reader->follow());
}

// One of many must not end the others, and a server goes on.
Result<void> ReaderSet::tolerate(Member& member, Result<void> outcome) {
    if (outcome) {
        member.problem.clear();
        return outcome;
    }
    if (!options_->all && !options_->listen) {
        return outcome;
    }
    if (std::string problem = outcome.error().message(); problem != member.problem) {
        notices_.say(member.reader->title(), problem);
        member.problem = std::move(problem);
    }
    return {};
}

std::vector<std::size_t> ReaderSet::drop_lost(steady_clock::time_point now) {
    std::vector<std::size_t> dropped;
    if (!discovery_) {
        return dropped;
    }
    std::erase_if(members_, [&](Member& member) {
        if (member.reader->ready()) {
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
    return dropped;
}

bool ReaderSet::any_lost() const {
    return std::any_of(members_.begin(), members_.end(),
                       [](const Member& member) { return member.lost.has_value(); });
}

Result<void> ReaderSet::take_up(const std::vector<FoundMap>& found, bool under_way) {
    for (const FoundMap& map : found) {
        TALLY_TRY(take_up(map, under_way));
    }
    return {};
}

Result<void> ReaderSet::take_up(const FoundMap& found, bool under_way) {
    TALLY_ASSIGN_OR_RETURN(auto* context, context_of(found.netns));
    const auto same = [&](const Member& member) { return member.reader->directory() == found.directory; };
    if (const auto known = std::find_if(members_.begin(), members_.end(), same); known != members_.end()) {
        return follow(*known);
    }
    auto reader = std::make_unique<Reader>(source_of(found, *context), *options_, *context, watcher_);
    const auto started = under_way ? reader->join() : reader->start();
    std::string& problem = problems_[found.directory];
    if (!started) {
        if (std::string now = started.error().message(); now != problem) {
            notices_.say(reader->title(), now);
            problem = std::move(now);
        }
        discovery_->forget(found.directory);
        return {};
    }
    problems_.erase(found.directory);
    members_.push_back({next_number_++, std::move(reader), std::nullopt, {}});
    return {};
}

// A pin that no record and no device of its name explains is just a pin.
Source ReaderSet::source_of(const FoundMap& found, NetnsContext& context) const {
    const bool possible = check_interface_name(found.name).has_value();
    const auto interface = context.find(found.name);
    const bool there = possible && interface && *interface;
    const bool recorded = read_meta(found.directory + '/' + XDP_TALLY_META_NAME).has_value();
    if (there || (possible && (recorded || !found.netns.empty()))) {
        return {Source::Kind::kDevice, found.name, 0, found.directory};
    }
    return {Source::Kind::kPin, found.directory + '/' + XDP_TALLY_MAP_NAME, 0, {}};
}

Result<NetnsContext*> ReaderSet::context_of(const std::string& netns) {
    if (netns == own_.netns) {
        return &own_;
    }
    auto& other = others_[netns];
    // A namespace may have been deleted, and one of the same name made.
    if (!other || other->inode != inode_of_netns(netns)) {
        TALLY_ASSIGN_OR_RETURN(auto context, view_netns_context(netns, own_));
        if (other) {
            *other = std::move(context);  // its readers go on
        } else {
            other = std::make_unique<NetnsContext>(std::move(context));
        }
    }
    return other.get();
}

}  // namespace tally::stats
