// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/attach_state.h"

#include <array>

namespace tally {

std::string_view state_name(AttachState state) {
    constexpr std::array<std::string_view, 7> kNames = {"none",     "foreign", "attached", "detached",
                                                        "orphaned", "stale",   "unknown"};
    return kNames.at(static_cast<std::size_t>(state));
}

namespace {

using Device = AttachFacts::Device;
using PinnedLink = AttachFacts::PinnedLink;

AttachState judge_counting(const AttachFacts& facts) {
    return facts.meta->counter_map_id == facts.counter_map_id ? AttachState::kAttached : AttachState::kStale;
}

// The meta's program runs nowhere: what runs on the device, if anything?
AttachState judge_without_program(const AttachFacts& facts, bool same_device) {
    if (facts.hook.empty()) {
        return same_device || facts.device == Device::kHidden ? AttachState::kDetached
                                                              : AttachState::kOrphaned;
    }
    return facts.other_program_counts ? AttachState::kForeign : AttachState::kStale;
}

// The kernel has said that it does.
bool runs_nowhere(const AttachFacts& facts) {
    const bool in_dispatcher = facts.meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER;
    return facts.link == PinnedLink::kSevered || facts.device == Device::kDeleted ||
           facts.life == ProgramLife::kGone || (in_dispatcher && facts.searched_everywhere);
}

// The meta's program is somebody else's, and the link runs the program that counts its verdicts, on the
// device that the meta names alone.
AttachState judge_observation(const AttachFacts& facts, bool same_device) {
    const bool observer_is_gone = facts.link == PinnedLink::kNone;
    if (facts.hook.find(facts.meta->program_id)) {
        return observer_is_gone ? AttachState::kDetached : judge_counting(facts);
    }
    if (facts.device == Device::kHidden || facts.meta_is_elsewhere) {
        return AttachState::kUnknown;
    }
    if (same_device) {
        return facts.hook.empty() || observer_is_gone ? AttachState::kDetached : AttachState::kStale;
    }
    return facts.hook.empty() ? AttachState::kOrphaned : AttachState::kStale;
}

AttachState judge_our_program(const AttachFacts& facts, bool same_device) {
    if (facts.hook.find(facts.meta->program_id)) {
        return judge_counting(facts);
    }
    if (facts.hook_elsewhere) {
        return facts.hook_elsewhere->find(facts.meta->program_id) ? judge_counting(facts)
                                                                  : AttachState::kStale;
    }
    if (facts.link == PinnedLink::kAlive && !facts.hook.find(facts.link_program_id)) {
        return AttachState::kUnknown;  // it runs on a device that is not seen
    }
    if (runs_nowhere(facts)) {
        return judge_without_program(facts, same_device);
    }
    // The hook names the dispatcher, not the programs in it.
    const bool hidden_by_dispatcher = facts.meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER &&
                                      !facts.hook.empty() && !facts.dispatcher_known;
    if (!same_device || hidden_by_dispatcher) {
        return AttachState::kUnknown;
    }
    return judge_without_program(facts, same_device);
}

}  // namespace

AttachState judge_attach_state(const AttachFacts& facts) {
    const xdp_tally_meta* const meta = facts.meta;
    if (meta == nullptr && facts.meta_may_exist) {
        return AttachState::kUnknown;
    }
    if (meta == nullptr) {
        return facts.has_pins || !facts.hook.empty() ? AttachState::kForeign : AttachState::kNone;
    }
    const bool same_device =
        facts.device == Device::kSeen && facts.ifindex == meta->ifindex && !facts.meta_is_elsewhere;
    return meta->attach_kind == XDP_TALLY_ATTACH_OBSERVE ? judge_observation(facts, same_device)
                                                         : judge_our_program(facts, same_device);
}

}  // namespace tally
