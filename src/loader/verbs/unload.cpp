// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/unload.h"

#include <fmt/format.h>

#include "common/pins/abi_names.h"
#include "loader/change/detach_ours.h"
#include "loader/device/hook_description.h"
#include "loader/device/pin_removal.h"
#include "loader/hook/dispatcher_attach.h"
#include "loader/hook/dispatcher_pins.h"
#include "loader/hook/link_attach.h"
#include "loader/verbs/existing_device.h"

namespace tally::loader {
namespace {

// A program that is not ours to end, such as one that is named by its id: detached where netlink attached it,
// and its pins are not our matter.
Result<Outcome> unload_foreign(const RemovalRequest& request, const NetnsContext& context,
                               const DeviceState& state, const HookProgram& program, Outcome outcome) {
    TALLY_ASSIGN_OR_RETURN(auto holder, identify_holder(context, state, program));
    if (holder.has_link) {
        return make_error(ErrorKind::kConflict, fmt::format("detaching program {}", program.id),
                          std::move(holder.description))
            .with_hint(std::move(holder.next_command));
    }
    outcome.notes.push_back("it was not attached by xdp_loader: " + holder.description);
    if (request.dry_run) {
        return outcome;
    }
    const auto& dispatcher = state.hook.dispatcher;
    if (dispatcher && dispatcher->find(program.id) != nullptr) {
        TALLY_TRY(detach_component(state.interface->ifindex, program.id));
        return outcome;
    }
    TALLY_TRY(detach_by_netlink(state.interface->ifindex, program));
    if (dispatcher) {
        add_note(outcome, describe_left_pins(program.id));
    }
    return outcome;
}

Error nothing_to_unload(const NetnsContext& context, const DeviceState& state, const std::string& device) {
    auto error = make_error(ErrorKind::kNotFound, fmt::format("unloading from '{}'", device),
                            "xdp-tally has nothing attached or pinned there");
    if (state.interface && state.hook.program) {
        const HookProgram& program = *state.hook.program;
        TALLY_ASSIGN_OR_RETURN(const auto holder, identify_holder(context, state, program));
        error.reason += "; " + holder.description + " was not attached by xdp_loader";
        error.hint = holder.next_command;
    }
    return error;
}

// What a dispatcher calls cannot be seen: then it can only be detached as a whole.
Error hidden_component(const DeviceState& state, const NetnsContext& context, const std::string& device) {
    Error error = *state.dispatcher_trouble;
    // Who lacks a capability is not to take away what he cannot see.
    if (error.kind != ErrorKind::kPermission) {
        error.hint += error.hint.empty() ? "" : "; ";
        error.hint += advise_to_end_dispatcher(context.option(device), state.hook.program->id);
    }
    return error;
}

}  // namespace

Result<Outcome> unload(const RemovalRequest& request, const NetnsContext& context,
                       const std::string& device) {
    TALLY_ASSIGN_OR_RETURN(auto existing, open_existing(context, device, request.dry_run));
    const DeviceState& state = existing.state;
    Outcome outcome = std::move(existing.outcome);
    outcome.kind = OutcomeKind::kUnloaded;

    const auto& ours = state.our_program;
    const bool names_another =
        request.program_id && state.meta && *request.program_id != state.meta->program_id;
    if (state.ours == Ours::kReserved && !names_another) {
        return explain_reserved(fmt::format("unloading from '{}'", device), state);
    }
    if (state.ours == Ours::kUnpinned && !names_another) {
        return unload_foreign(request, context, state, *ours, std::move(outcome));
    }
    if (state.ours == Ours::kUnreadable && !names_another) {
        return hidden_component(state, context, device);
    }
    // A link can be ended wherever it is.
    if (state.ours == Ours::kElsewhere && !names_another && (state.place || !state.link)) {
        return explain_elsewhere(fmt::format("unloading from '{}'", device), context, state, device,
                                 Wish::kUnload);
    }
    if (request.program_id && !(ours && ours->id == *request.program_id)) {
        const auto program = state.hook.find(*request.program_id);
        if (!program && state.dispatcher_trouble) {
            return hidden_component(state, context, device);
        }
        if (!program) {
            return make_error(ErrorKind::kNotFound, fmt::format("unloading from '{}'", device),
                              fmt::format("no program with id {} is attached there", *request.program_id))
                .with_hint(fmt::format("`xdp_loader {} --status` shows what is", context.option(device)));
        }
        return unload_foreign(request, context, state, *program, std::move(outcome));
    }
    if (!ours && our_pins(state, false).empty() && !existing.repaired) {
        return nothing_to_unload(context, state, device);
    }
    if (ours) {
        outcome.mode = mode_name(ours->mode);
        TALLY_ASSIGN_OR_RETURN(outcome.program, describe_program(ours->id, state));
    }
    TALLY_TRY(remove_our_pins(
        existing, request, [&] { return detach_ours(context, state); }, outcome));
    outcome.runs_on = describe_place(context, state, outcome.dev, existing.directory);
    return outcome;
}

}  // namespace tally::loader
