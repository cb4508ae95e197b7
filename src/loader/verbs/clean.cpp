// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/clean.h"

#include <fmt/format.h>

#include "loader/device/pin_removal.h"
#include "loader/verbs/existing_device.h"

namespace tally::loader {
namespace {

bool observes_this_device(const DeviceState& state) {
    return state.interface && state.interface->ifindex == state.meta->ifindex;
}

// No program can count into the pinned maps any more.
bool pins_are_unused(const DeviceState& state) {
    if (state.ours == Ours::kObservation) {
        const bool counts = state.link || !state.component_links.empty();
        return !(counts && observes_this_device(state) && state.hook.find(state.meta->program_id));
    }
    return state.ours == Ours::kNothing && !state.other_program_counts;
}

std::string describe_use(const DeviceState& state) {
    if (state.place) {
        return fmt::format("the pins are in use, by a program on '{}'", state.place->name());
    }
    return state.other_program_counts ? "the pins are in use, by a program that xdp_loader did not attach"
                                      : "the pins are in use";
}

// Of pins that are not in use.
std::string explain_removal(const DeviceState& state) {
    if (state.attach_state == AttachState::kOrphaned) {
        return "the interface is gone";
    }
    if (state.ours == Ours::kObservation) {
        if (state.hook.empty() || !observes_this_device(state)) {
            return "the observed program is gone";
        }
        return state.hook.find(state.meta->program_id) ? "the observed program is not counted any more"
                                                       : "another program has replaced the observed one";
    }
    return state.attach_state == AttachState::kStale
               ? "the program that runs here does not count into the pinned maps"
               : "no program counts into the pinned maps";
}

}  // namespace

Result<Outcome> clean(const NetnsContext& context, const std::string& device, bool dry_run) {
    TALLY_ASSIGN_OR_RETURN(auto existing, open_existing(context, device, dry_run));
    const DeviceState& state = existing.state;
    Outcome outcome = std::move(existing.outcome);
    outcome.kind = OutcomeKind::kCleaned;

    if (our_pins(state, false).empty()) {
        outcome.reason = "xdp_loader pinned nothing there";
        return outcome;
    }
    if (state.ours == Ours::kUnreadable) {
        outcome.notes.push_back("nothing removed: the pins may be in use; " +
                                state.dispatcher_trouble->message());
        return outcome;
    }
    if (state.ours == Ours::kElsewhere && !state.place) {
        outcome.notes.emplace_back(
            "nothing removed: the program of the pins lives, on an interface that was not found");
        return outcome;
    }
    if (!pins_are_unused(state)) {
        outcome.reason = describe_use(state);
        return outcome;
    }
    outcome.reason = explain_removal(state);
    TALLY_TRY(remove_our_pins(
        existing, {.dry_run = dry_run}, [] { return Result<void>(); }, outcome));
    return outcome;
}

}  // namespace tally::loader
