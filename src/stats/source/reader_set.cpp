// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/reader_set.h"

#include <algorithm>
#include <utility>

#include <xdp_tally/abi.h>

#include "common/kernel/interface.h"
#include "common/pins/meta.h"

namespace tally::stats {

void ReaderSet::add_sources(const std::vector<Source>& sources) {
    for (const Source& source : sources) {
        NetnsContext& context = source.netns ? *named_.at(*source.netns) : own_;
        members_.push_back({next_number_++,
                            std::make_unique<Reader>(source, request_, context, watcher_),
                            std::nullopt,
                            {}});
    }
}

Result<void> ReaderSet::discover() {
    discovery_.emplace(own_.bpffs.path, watcher_);
    TALLY_ASSIGN_OR_RETURN(auto found, discovery_->look());
    return add(found, false);
}

bool ReaderSet::must_poll() const {
    return (discovery_ && discovery_->must_poll()) ||
           any([](const Member& member) { return member.reader->must_poll(); });
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
    return discovery_ ? add(discovery_->look_again(events), true) : Result<void>();
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
    return found ? add(*found, true) : Result<void>();
}

Result<void> ReaderSet::sample(Member& member) {
    return tolerate(member, member.reader->sample());
}

Result<void> ReaderSet::follow(Member& member) {
    return tolerate(member, member.reader->follow());
}

// One of many sources must not end the run, and none a server.
Result<void> ReaderSet::tolerate(Member& member, Result<void> outcome) {
    if (outcome) {
        member.problem.clear();
        return outcome;
    }
    if (!request_.keep_going) {
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

Result<void> ReaderSet::add(const std::vector<FoundMap>& found, bool under_way) {
    for (const FoundMap& map : found) {
        TALLY_TRY(add(map, under_way));
    }
    return {};
}

Result<void> ReaderSet::add(const FoundMap& found, bool under_way) {
    TALLY_ASSIGN_OR_RETURN(auto* context, context_of(found.netns));
    const auto same = [&](const Member& member) { return member.reader->directory() == found.directory; };
    if (const auto known = std::find_if(members_.begin(), members_.end(), same); known != members_.end()) {
        return follow(*known);
    }
    auto reader = std::make_unique<Reader>(source_of(found, *context), request_, *context, watcher_);
    const auto started = under_way ? reader->join() : reader->start();
    std::string& problem = problems_[found.directory];
    if (!started) {
        if (std::string now = started.error().message(); now != problem) {
            request_.notices.say(reader->title(), now);
            problem = std::move(now);
        }
        discovery_->forget(found.directory);
        return {};
    }
    problems_.erase(found.directory);
    members_.push_back({next_number_++, std::move(reader), std::nullopt, {}});
    return {};
}

// A device where its directory has a meta or there is a device of its name; else just a pin.
Source ReaderSet::source_of(const FoundMap& found, NetnsContext& context) const {
    const bool possible = check_interface_name(found.name).has_value();
    const auto interface = context.find(found.name);
    const bool there = possible && interface && *interface;
    const bool has_meta = read_meta(found.directory + '/' + XDP_TALLY_META_NAME).has_value();
    if (there || (possible && (has_meta || !found.netns.empty()))) {
        return {Source::Kind::kDevice, found.name, 0, found.directory};
    }
    return {Source::Kind::kPin, found.directory + '/' + XDP_TALLY_MAP_NAME, 0, {}};
}

Result<NetnsContext*> ReaderSet::context_of(const std::string& netns) {
    if (netns == own_.netns) {
        return &own_;
    }
    auto& other = others_[netns];
    // The namespace may have been deleted, and another created with its name.
    if (!other || other->inode != inode_of_netns(netns)) {
        TALLY_ASSIGN_OR_RETURN(auto context, view_netns_context(netns, own_));
        if (other) {
            *other = std::move(context);  // its readers keep their pointer
        } else {
            other = std::make_unique<NetnsContext>(std::move(context));
        }
    }
    return other.get();
}

}  // namespace tally::stats
