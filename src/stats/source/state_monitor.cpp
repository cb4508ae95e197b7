// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/state_monitor.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/capability.h>

#include <utility>

#include "common/base/device_name.h"
#include "common/base/printable.h"
#include "common/bpf/bpf_info.h"
#include "common/bpf/capability_sets.h"
#include "common/pins/bpffs.h"
#include "common/pins/process_lock.h"
#include "common/pins/program_search.h"

namespace tally::stats {
namespace {

// The device is asked at most this often, to keep fast sampling cheap. Below 1 s, so that with intervals from
// 1 s on every sample has a fresh state.
constexpr std::int64_t kLongestAge = 900'000'000;  // nanoseconds

// What it takes to see more, which an exporter has given up.
std::string missing_capability() {
    for (const auto& [capability, name] :
         {std::pair(CAP_SYS_ADMIN, "CAP_SYS_ADMIN"), std::pair(CAP_SYS_PTRACE, "CAP_SYS_PTRACE")}) {
        if (!has_capability(capability)) {
            return fmt::format("; what runs on it can be seen with {}, which this process does not have",
                               name);
        }
    }
    return {};
}

std::string explain_unknown(const Departure& departure, bool searched) {
    const std::string way_on = searched ? "" : missing_capability();
    if (departure.kind == Departure::Kind::kMoved) {
        const bool known = !departure.destination.empty();
        return fmt::format("the device was moved to {}{}",
                           known ? departure.destination : "another network namespace", way_on);
    }
    return "the device is not here any more: it was deleted, or moved to another network namespace" + way_on;
}

}  // namespace

bool StateMonitor::must_look(std::int64_t now) const {
    return looked_at_ == 0 || now - looked_at_ >= kLongestAge;
}

void StateMonitor::watch_device(const Meta& meta) {
    const bool is_here = meta.netns_inode == context_->inode;
    if (seen_ifindex_ == 0 && context_->links && (device_ || is_here)) {
        AttachFacts facts;
        facts.meta_is_elsewhere = !is_here;
        look_at_device(meta, facts);
    }
}

AttachState StateMonitor::look(const Meta* meta, std::uint32_t map_id, std::int64_t now) {
    looked_at_ = now;
    latest_ = {};
    AttachFacts facts = meta == nullptr ? AttachFacts{} : gather_facts(*meta, map_id, now);
    facts.meta = meta;
    facts.meta_may_exist = meta == nullptr && !directory_.empty() && meta_is_hidden(directory_);
    facts.counter_map_id = map_id;
    latest_.state = judge_attach_state(facts);
    if (latest_.state == AttachState::kOrphaned) {
        latest_.state = AttachState::kDetached;
        // Of a device that was only moved, an observer counts nothing either.
        latest_.device_gone =
            meta->attach_kind != XDP_TALLY_ATTACH_OBSERVE || facts.device == AttachFacts::Device::kDeleted;
    }
    if (latest_.state != AttachState::kAttached) {
        latest_.runs_on.reset();
        latest_.left_netns = false;
    }
    if (latest_.state == AttachState::kAttached && meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER) {
        const auto ended = is_of_ended_run(*meta, directory_);
        latest_.left_by_killed_run = ended && *ended;
    }
    return latest_.state;
}

AttachState StateMonitor::report(const std::string& title, std::uint32_t map_id, bool changing) {
    if (changing && told_ && transition_.wait(looked_at_)) {
        expire();
        return told_->state;
    }
    transition_.end();
    say_what_changed(title, map_id);
    told_ = latest_;
    return told_->state;
}

void StateMonitor::say_what_changed(const std::string& title, std::uint32_t map_id) const {
    const Finding before = told_.value_or(Finding());
    const bool changed = !told_ || before.state != latest_.state || before.device_gone != latest_.device_gone;
    if (changed && latest_.state == AttachState::kAttached && told_) {
        notices_.say(title, fmt::format("the XDP program on the device counts into map {}", map_id));
    } else if (changed && latest_.state == AttachState::kDetached) {
        notices_.say(title, fmt::format("{}no XDP program counts into map {}",
                                        latest_.device_gone ? "the device is gone; " : "", map_id));
    } else if (changed && latest_.state == AttachState::kStale) {
        notices_.say(title, fmt::format("the XDP program on the device does not count into map {}", map_id));
    } else if (changed && latest_.state == AttachState::kForeign && latest_.other_counts) {
        notices_.say(title, fmt::format("another XDP program on the device counts into map {}", map_id));
    }
    if (latest_.left_by_killed_run && !before.left_by_killed_run) {
        notices_.say(
            title,
            "a killed `xdp_loader --run` left its program in the dispatcher: the next load, --unload or "
            "--clean detaches it");
    }
    if (latest_.runs_on && before.runs_on != latest_.runs_on) {
        notices_.say(title, fmt::format("the device is {} now", printable(*latest_.runs_on)));
    }
    if (latest_.state == AttachState::kUnknown && !latest_.obstacle.empty() &&
        before.obstacle != latest_.obstacle) {
        notices_.say(title, latest_.obstacle);
    }
}

AttachFacts StateMonitor::gather_facts(const Meta& meta, std::uint32_t map_id, std::int64_t now) {
    AttachFacts facts;
    facts.meta_is_elsewhere = meta.netns_inode != context_->inode;
    if (context_->links && (device_ || !facts.meta_is_elsewhere)) {
        look_at_device(meta, facts);
    }
    const bool observes = meta.attach_kind == XDP_TALLY_ATTACH_OBSERVE;
    const bool runs_here = facts.hook.find(meta.program_id).has_value();
    if (runs_here && !observes) {
        moved_.forget();
        return facts;
    }
    const auto link = look_at_link(facts);
    if (!runs_here && !observes && facts.link != AttachFacts::PinnedLink::kSevered) {
        look_elsewhere(meta, link, facts, now);
    }
    if (!runs_here && !facts.hook_elsewhere) {
        ask_for_departure(facts);
        const auto uses = facts.hook.empty() ? Result<bool>(false) : hook_uses_map(facts.hook, map_id);
        facts.other_program_counts = uses && *uses;
        if (!uses) {
            facts.device = AttachFacts::Device::kHidden;  // not to be told from one that counts elsewhere
            facts.hook = {};
        }
        latest_.other_counts = facts.other_program_counts;
    }
    return facts;
}

void StateMonitor::look_at_device(const Meta& meta, AttachFacts& facts) {
    const auto link = find_device(meta, !facts.meta_is_elsewhere);
    if (!link) {
        facts.device = link.error().kind == ErrorKind::kNotFound ? AttachFacts::Device::kGone
                                                                 : AttachFacts::Device::kHidden;
        return;
    }
    facts.device = AttachFacts::Device::kSeen;
    facts.ifindex = link->interface.ifindex;
    facts.hook = link->hook;
    facts.dispatcher_known = link->hook.program && dispatchers_.knows(link->hook.program->id);
    const bool runs_here = link->hook.find(meta.program_id).has_value();
    if (runs_here || (!facts.meta_is_elsewhere && facts.ifindex == meta.ifindex)) {
        seen_ifindex_ = facts.ifindex;
        departures_->watch(this, seen_ifindex_);
    }
    latest_.link = runs_here ? link_state(*link) : std::string_view();
    latest_.left_netns = runs_here && facts.meta_is_elsewhere;
    if (runs_here && !is_where_pins_say(meta, context_->inode, link->interface.name)) {
        latest_.runs_on = with_netns(context_->netns, link->interface.name);
    }
}

// The device of the pins is the one with the meta's index, whatever it is called now; one that has taken its
// name is another. But a device that moved away and came back may have got another index.
Result<Link> StateMonitor::find_device(const Meta& meta, bool is_here) {
    LinkSocket& socket = *context_->links;
    const bool in_dispatcher = meta.attach_kind == XDP_TALLY_ATTACH_DISPATCHER;
    auto link = is_here ? dispatchers_.look_inside(socket.find(meta.ifindex), in_dispatcher)
                        : Result<Link>(make_error(ErrorKind::kNotFound, meta.interface));
    const bool is_it = link && (link->hook.find(meta.program_id) || link->interface.name == device_);
    if (is_it || !device_) {
        return link;
    }
    auto namesake = dispatchers_.look_inside(socket.find(*device_), in_dispatcher);
    return !link || (namesake && namesake->hook.find(meta.program_id)) ? std::move(namesake)
                                                                       : std::move(link);
}

void StateMonitor::look_elsewhere(const Meta& meta, const std::optional<LinkInfo>& link, AttachFacts& facts,
                                  std::int64_t now) {
    const auto& found = moved_.look(meta, link, *context_, dispatchers_, now);
    facts.searched_everywhere = !found.hook && found.searched;
    facts.life = found.life;
    facts.hook_elsewhere = found.hook;
    latest_.left_netns = found.hook && found.netns_inode != meta.netns_inode;
    if (found.hook && !is_where_pins_say(meta, found.netns_inode, found.interface)) {
        latest_.runs_on = with_netns(found.netns, found.interface);
    }
}

void StateMonitor::ask_for_departure(AttachFacts& facts) {
    const bool is_it = facts.device == AttachFacts::Device::kSeen && facts.ifindex == seen_ifindex_;
    if (facts.device == AttachFacts::Device::kHidden || is_it) {
        return;
    }
    const Departure departure = departures_->find(this);
    if (departure.kind == Departure::Kind::kDeleted) {
        facts.device = AttachFacts::Device::kDeleted;
    }
    latest_.obstacle = explain_unknown(departure, facts.searched_everywhere);
}

// A map that is read by its pin or id is the meta's device's.
bool StateMonitor::is_where_pins_say(const Meta& meta, std::uint64_t netns_inode,
                                     const std::string& name) const {
    return device_ ? netns_inode == context_->inode && name == *device_
                   : netns_inode == meta.netns_inode && name == meta.interface;
}

std::optional<LinkInfo> StateMonitor::look_at_link(AttachFacts& facts) const {
    const auto fd = open_pin(directory_ + '/' + XDP_TALLY_LINK_NAME, false);
    if (!fd) {
        facts.link =
            fd.error().code == ENOENT ? AttachFacts::PinnedLink::kNone : AttachFacts::PinnedLink::kHidden;
        return std::nullopt;
    }
    const auto type = object_type(fd->get());
    if (!type) {
        facts.link = AttachFacts::PinnedLink::kHidden;
        return std::nullopt;
    }
    if (*type != ObjectType::kLink) {
        return std::nullopt;
    }
    const auto info = link_info(fd->get());
    if (!info) {
        facts.link = AttachFacts::PinnedLink::kHidden;
        return std::nullopt;
    }
    if (info->type == BPF_LINK_TYPE_XDP) {
        facts.link = info->ifindex == 0 ? AttachFacts::PinnedLink::kSevered : AttachFacts::PinnedLink::kAlive;
        facts.link_program_id = info->program_id;
    } else if (info->type == BPF_LINK_TYPE_TRACING) {
        facts.link = AttachFacts::PinnedLink::kAlive;
    }
    return *info;
}

}  // namespace tally::stats
