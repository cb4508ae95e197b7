// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/clean.h"

#include "common/kernel/netns.h"
#include "loader/device/pin_removal.h"
#include "loader/observe/follow.h"
#include "loader/verbs/existing_device.h"

namespace tally::loader {
namespace {

// No program can count into the pinned maps any more. What netlink or libxdp attached can be judged from
// inside its network namespace, and from anywhere once its program is gone.
bool pins_are_unused(const DeviceState& state) {
    switch (state.ours) {
        case Ours::kNothing:
            break;
        case Ours::kObservation: {
            const bool same_device = state.interface && state.interface->ifindex == state.meta->ifindex;
            return !(same_device && state.hook.find(state.meta->program_id));
        }
        default:
            return false;
    }
    if (!state.meta || state.meta->attach_kind == XDP_TALLY_ATTACH_LINK) {
        return true;
    }
    const auto netns = current_netns_inode();
    if (netns && *netns == state.meta->netns_inode) {
        return true;
    }
    const auto program = open_program_by_id(state.meta->program_id);
    return !program && program.error().code == ENOENT;
}

}  // namespace

Result<Outcome> clean(const RemovalRequest& request, const NetnsContext& context, const std::string& device) {
    TALLY_ASSIGN_OR_RETURN(auto existing, open_existing(context, device, request.dry_run));
    const DeviceState& state = existing.state;
    Outcome outcome = std::move(existing.outcome);
    outcome.kind = OutcomeKind::kCleaned;

    if (our_pins(state, false).empty()) {
        outcome.notes.emplace_back("nothing to remove: xdp_loader pinned nothing there");
        return outcome;
    }
    if (state.ours == Ours::kUnreadable) {
        outcome.notes.push_back("nothing removed: the pins may be in use; " +
                                state.dispatcher_trouble->message());
        return outcome;
    }
    if (!pins_are_unused(state)) {
        outcome.notes.emplace_back("nothing to remove: the pins are in use");
        return outcome;
    }
    const PinRemoval removal = {existing.directory, existing.pins ? &*existing.pins : nullptr,
                                request.keep_maps, request.dry_run};
    TALLY_TRY(remove_our_pins(
        state, removal, [] { return Result<void>(); }, outcome));
    if (removal.pins != nullptr) {
        remove_follower_lock(existing.directory);
    }
    return outcome;
}

}  // namespace tally::loader
