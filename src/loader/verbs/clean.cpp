// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/clean.h"

#include <fmt/format.h>

#include "loader/change/dispatcher_leftover.h"
#include "loader/device/pin_removal.h"
#include "loader/observe/follow.h"
#include "loader/verbs/existing_device.h"

namespace tally::loader {
namespace {

// No program can count into the pinned maps any more.
bool pins_are_unused(const DeviceState& state) {
    if (state.ours == Ours::kObservation) {
        const bool same_device = state.interface && state.interface->ifindex == state.meta->ifindex;
        return !(same_device && state.hook.find(state.meta->program_id));
    }
    return state.ours == Ours::kNothing;
}

// Where our program runs, if that is not where the pins say.
std::string describe_use(const DeviceState& state) {
    if (state.place) {
        return fmt::format("nothing to remove: the pins are in use, by a program on '{}'",
                           state.place->name());
    }
    return state.ours == Ours::kElsewhere ? "nothing removed: the program of the pins lives, on an interface "
                                            "that was not found"
                                          : "nothing to remove: the pins are in use";
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
        outcome.notes.push_back(describe_use(state));
        return outcome;
    }
    const PinRemoval removal = {existing.directory, existing.pins ? &*existing.pins : nullptr,
                                request.keep_maps, request.dry_run};
    TALLY_TRY(remove_our_pins(
        state, removal, [] { return Result<void>(); }, outcome));
    if (removal.pins != nullptr) {
        remove_follower_lock(existing.directory);
    }
    TALLY_TRY(remove_leftover(find_leftover(state), request.dry_run, outcome));
    return outcome;
}

}  // namespace tally::loader
