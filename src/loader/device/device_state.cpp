// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/device_state.h"

#include <linux/bpf.h>

#include <algorithm>

namespace tally::loader {
namespace {

bool dispatcher_hides(const DeviceState& state) {
    return state.meta && state.meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER && state.dispatcher_trouble &&
           !state.hook.find(state.meta->program_id);
}

Ours decide_what_is_ours(const DeviceState& state) {
    const std::uint32_t kind = state.meta ? state.meta->attach_kind : 0;
    const bool runs = state.meta && state.our_hook().find(state.meta->program_id);
    const bool unpinned = kind == XDP_TALLY_ATTACH_LINK && !state.link && !state.link_hidden && runs;
    // Such a link goes with the run that holds it, also where this process may not look at the run's lock.
    const bool of_a_run = unpinned && (state.meta->flags & XDP_TALLY_META_RUN) != 0 && !state.run_has_ended;
    if (state.meta && (state.reserved_by_run || of_a_run)) {
        return Ours::kReserved;
    }
    if (state.observes()) {
        return Ours::kObservation;
    }
    if (state.place && (state.interface || unpinned)) {
        return Ours::kElsewhere;
    }
    if (unpinned) {
        return Ours::kUnpinned;
    }
    if (!state.place && dispatcher_hides(state)) {
        return Ours::kUnreadable;
    }
    if (state.link_is_alive()) {
        return state.our_hook().find(state.link_info->program_id) ? Ours::kLink : Ours::kElsewhere;
    }
    if (runs && state.link_hidden) {
        return Ours::kLink;
    }
    if (runs && !state.link_info && kind == XDP_TALLY_ATTACH_DISPATCHER) {
        return Ours::kComponent;
    }
    if (runs && !state.link_info && kind == XDP_TALLY_ATTACH_NETLINK) {
        return Ours::kNetlink;
    }
    return state.meta && state.attach_state == AttachState::kUnknown ? Ours::kElsewhere : Ours::kNothing;
}

std::optional<HookProgram> find_our_program(const DeviceState& state) {
    switch (state.ours) {
        case Ours::kLink:
            return state.our_hook().find(state.link_is_alive() ? state.link_info->program_id
                                                               : state.meta->program_id);
        case Ours::kComponent:
        case Ours::kNetlink:
        case Ours::kReserved:
        case Ours::kUnpinned:
            return state.our_hook().find(state.meta->program_id);
        default:
            return std::nullopt;
    }
}

AttachFacts::PinnedLink judge_link(const DeviceState& state) {
    using PinnedLink = AttachFacts::PinnedLink;
    if (state.link_hidden) {
        return PinnedLink::kHidden;
    }
    if (!state.link_info) {
        return PinnedLink::kNone;
    }
    return state.link_info->type != BPF_LINK_TYPE_XDP || state.link_is_alive() ? PinnedLink::kAlive
                                                                               : PinnedLink::kSevered;
}

AttachState judge(const DeviceState& state, std::uint64_t netns_inode) {
    AttachFacts facts;
    const auto& meta = state.meta ? state.meta : state.staged_meta;
    facts.has_pins = state.has_pins();
    facts.meta = meta && (state.meta || facts.has_pins) ? &*meta : nullptr;
    facts.meta_may_exist = facts.meta == nullptr && state.meta_is_hidden;
    if (const MapPin* const counters = state.find_map(XDP_TALLY_MAP_NAME)) {
        facts.counter_map_id = counters->info.id;
    }
    facts.device = state.interface ? AttachFacts::Device::kSeen : AttachFacts::Device::kGone;
    facts.meta_is_elsewhere = facts.meta != nullptr && facts.meta->netns_inode != netns_inode;
    facts.hook_elsewhere = state.place ? std::optional(state.place->link.hook) : std::nullopt;
    facts.searched_everywhere = state.searched_everywhere;
    facts.life = state.life;
    facts.other_program_counts = state.other_program_counts;
    facts.ifindex = state.interface ? state.interface->ifindex : 0;
    facts.hook = state.hook;
    facts.dispatcher_known = !state.dispatcher_trouble;
    facts.link = judge_link(state);
    facts.link_program_id = state.link_info ? state.link_info->program_id : 0;
    return judge_attach_state(facts);
}

}  // namespace

bool DeviceState::link_is_alive() const {
    return link_info && link_info->ifindex != 0;
}

bool DeviceState::runs_here() const {
    const bool links_device = !link_is_alive() || !interface || link_info->ifindex == interface->ifindex ||
                              link_info->type != BPF_LINK_TYPE_XDP;
    const std::uint32_t program = link_is_alive() ? link_info->program_id : meta->program_id;
    return links_device && hook.find(program).has_value();
}

void DeviceState::decide(std::uint64_t netns_inode) {
    attach_state = judge(*this, netns_inode);
    ours = decide_what_is_ours(*this);
    our_program = find_our_program(*this);
}

const Component* DeviceState::our_component() const {
    const bool may_be = meta && meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER && our_hook().dispatcher;
    return may_be ? our_hook().dispatcher->find(meta->program_id) : nullptr;
}

const Component* DeviceState::left_by_killed_run() const {
    return run_has_ended ? our_component() : nullptr;
}

bool DeviceState::has_only_pins_of_others() const {
    const bool may_have_ours = meta || staged_meta || meta_is_hidden || link || link_hidden || trouble ||
                               interrupted || !component_links.empty();
    return has_pins() && !may_have_ours && find_map(XDP_TALLY_MAP_NAME) == nullptr;
}

const MapPin* DeviceState::find_map(const std::string& pin_name) const {
    const auto found =
        std::find_if(maps.begin(), maps.end(), [&](const MapPin& map) { return map.pin_name == pin_name; });
    return found == maps.end() ? nullptr : &*found;
}

}  // namespace tally::loader
