// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/attach_state.h"

#include <array>

namespace tally {

std::string_view state_name(AttachState state) {
    constexpr std::array<std::string_view, 7> kNames = {"none",     "foreign", "attached", "detached",
                                                        "orphaned", "stale",   "unknown"};
    return kNames.at(static_cast<std::size_t>(state));
}

AttachState judge_attach_state(const AttachFacts& facts) {
    using Device = AttachFacts::Device;
    using PinnedLink = AttachFacts::PinnedLink;
    const xdp_tally_meta* const meta = facts.meta;
    const bool empty = facts.hook.empty();
    if (meta == nullptr) {
        return facts.has_pins || !empty ? AttachState::kForeign : AttachState::kNone;
    }
    // Then the meta's program is somebody else's, and the link runs the program that counts its verdicts.
    const bool observes = meta->attach_kind == XDP_TALLY_ATTACH_OBSERVE;
    const bool observer_is_gone = observes && facts.link == PinnedLink::kNone;
    if (facts.hook.find(meta->program_id)) {
        if (observer_is_gone) {
            return AttachState::kDetached;
        }
        return meta->counter_map_id == facts.counter_map_id ? AttachState::kAttached : AttachState::kStale;
    }
    const bool severed = facts.link == PinnedLink::kSevered;
    if (facts.link == PinnedLink::kAlive && !observes && !facts.hook.find(facts.link_program_id)) {
        return AttachState::kUnknown;  // it runs on a device that is not seen
    }
    if (facts.device == Device::kHidden) {
        return severed ? AttachState::kDetached : AttachState::kUnknown;
    }
    if (facts.meta_is_elsewhere && !severed) {
        return AttachState::kUnknown;
    }
    // The hook names the dispatcher, not the programs in it.
    const bool in_dispatcher = meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER;
    if (in_dispatcher && !empty && !facts.dispatcher_known) {
        return AttachState::kUnknown;
    }
    const bool same_device =
        facts.device == Device::kSeen && facts.ifindex == meta->ifindex && !facts.meta_is_elsewhere;
    if (!same_device) {
        if (facts.link == PinnedLink::kHidden && !observes) {
            return AttachState::kUnknown;  // it may run on the device that was renamed or moved
        }
        return empty ? AttachState::kOrphaned : AttachState::kStale;
    }
    return empty || observer_is_gone ? AttachState::kDetached : AttachState::kStale;
}

}  // namespace tally
