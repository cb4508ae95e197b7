// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/attach_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/pins/abi_names.h"
#include "loader/change/detach_ours.h"
#include "loader/device/driver_support.h"
#include "loader/device/hook_description.h"
#include "loader/device/upper_devices.h"
#include "loader/hook/capabilities.h"
#include "loader/hook/dispatcher_attach.h"

namespace tally::loader {
namespace {

std::vector<std::uint32_t> wanted_modes(ModeChoice choice) {
    switch (choice) {
        case ModeChoice::kNative:
            return {XDP_TALLY_MODE_NATIVE};
        case ModeChoice::kGeneric:
            return {XDP_TALLY_MODE_GENERIC};
        case ModeChoice::kOffload:
            return {XDP_TALLY_MODE_OFFLOADED};
        case ModeChoice::kAuto:
            break;
    }
    return {XDP_TALLY_MODE_NATIVE, XDP_TALLY_MODE_GENERIC};
}

// Clearing the hook for such a mode would leave it empty.
bool lacks_mode(const DeviceState& state, ModeChoice choice) {
    if (choice != ModeChoice::kNative && choice != ModeChoice::kOffload) {
        return false;
    }
    const auto feature = choice == ModeChoice::kNative ? XdpFeature::kNative : XdpFeature::kOffload;
    return !driver_has(state.interface->ifindex, feature).value_or(true);
}

// Once this interface has no program, the kernel refuses one below that of an upper device.
bool is_below_a_program(const NetnsContext& context, const Interface& interface) {
    const auto self = context.links->find(interface.ifindex);
    const auto links = context.links->list();
    return self && links && std::any_of(links->begin(), links->end(), [&](const Link& link) {
               return !link.hook.empty() && is_above(link, *self);
           });
}

Error mode_conflict(const std::string& what, std::uint32_t running, const std::string& hint) {
    return make_error(
               ErrorKind::kConflict, what,
               fmt::format("a program already runs in {} mode, and its mode cannot be changed while it runs",
                           mode_name(running)))
        .with_hint(hint);
}

// Where the hook is free. The link of a --run ends with its process, however that ends; a component would
// not.
Result<std::vector<AttachMethod>> first_methods(const LoadRequest& request, const NetnsContext& context,
                                                AttachPlan& plan) {
    if (request.for_command && request.attach == AttachChoice::kDispatcher) {
        return make_error(ErrorKind::kNotFound, "attaching through a dispatcher",
                          "no dispatcher is in use there, and --run does not start one")
            .with_hint("without --attach dispatcher the program is attached by a link");
    }
    if (request.attach == AttachChoice::kLink || request.mode == ModeChoice::kOffload ||
        request.for_command) {
        return std::vector{AttachMethod::kNewLink};
    }
    // A dry run mounts nothing.
    TALLY_ASSIGN_OR_RETURN(const auto obstacle,
                           dispatcher_obstacle(request.dry_run && context.bpffs_option.empty()));
    if (!obstacle) {
        return request.attach == AttachChoice::kDispatcher
                   ? std::vector{AttachMethod::kComponent}
                   : std::vector{AttachMethod::kComponent, AttachMethod::kNewLink};
    }
    if (request.attach == AttachChoice::kDispatcher) {
        return *obstacle;
    }
    plan.no_dispatcher = obstacle->reason;
    return std::vector{AttachMethod::kNewLink};
}

// Our own program runs there already.
Result<AttachPlan> plan_replacement(const LoadRequest& request, const NetnsContext& context,
                                    const DeviceState& state, const std::string& what, AttachPlan plan) {
    const bool to_dispatcher = request.attach == AttachChoice::kDispatcher;
    if (state.ours != Ours::kComponent) {
        plan.moves = to_dispatcher;
        plan.methods = {state.ours == Ours::kLink ? AttachMethod::kUpdateLink
                                                  : AttachMethod::kReplaceByNetlink};
        if (plan.moves) {
            TALLY_ASSIGN_OR_RETURN(plan.methods, first_methods(request, context, plan));
        }
        return plan;
    }
    plan.moves = request.attach == AttachChoice::kLink;
    plan.methods = {plan.moves ? AttachMethod::kNewLink : AttachMethod::kComponent};
    if (plan.moves && state.hook.dispatcher->components.size() > 1) {
        TALLY_ASSIGN_OR_RETURN(const auto holder, identify_holder(context, state, *state.hook.program));
        return make_error(ErrorKind::kConflict, what,
                          "a link does not share the hook, and other programs are attached to it: " +
                              holder.description)
            .with_hint("without --attach it stays in the dispatcher");
    }
    return plan;
}

bool is_wanted(std::uint32_t mode, const AttachPlan& plan) {
    return std::find(plan.modes.begin(), plan.modes.end(), mode) != plan.modes.end();
}

std::string beside_dispatcher(const LoadRequest& request) {
    return fmt::format("without --attach link it joins them{}",
                       request.for_command ? "" : "; --force ends the dispatcher and takes its place");
}

// What gets a program of somebody else, which is no dispatcher's, out of the way.
std::string instead_of(const HookHolder& holder, const LoadRequest& request, const DeviceState& state,
                       std::uint32_t mode) {
    const auto wanted = wanted_modes(request.mode);
    if (holder.has_link || request.for_command) {
        return holder.next_command;
    }
    if (std::find(wanted.begin(), wanted.end(), mode) != wanted.end()) {
        return "--force replaces it for good";
    }
    if (lacks_mode(state, request.mode)) {
        return fmt::format("without a mode option --force replaces it in {} mode", mode_name(mode));
    }
    return fmt::format("{}; without a mode option --force replaces it in {} mode", holder.next_command,
                       mode_name(mode));
}

// What leaves it there, where that can be.
std::string observing(const NetnsContext& context, const Interface& interface, const LoadRequest& request,
                      std::uint32_t mode) {
    return request.for_command || mode == XDP_TALLY_MODE_OFFLOADED || !can_observe()
               ? std::string()
               : fmt::format("`xdp_loader {} --observe` counts it as it is; ",
                             context.option(interface.name));
}

// Somebody else's program runs there.
Result<AttachPlan> plan_beside_foreign(const LoadRequest& request, const NetnsContext& context,
                                       const DeviceState& state, const std::string& what, AttachPlan plan) {
    if (state.hook.dispatcher && request.attach != AttachChoice::kLink &&
        request.mode != ModeChoice::kOffload) {
        plan.old_program.reset();
        plan.methods = {AttachMethod::kComponent};
        return plan;
    }
    plan.foreign = true;
    const std::uint32_t running_mode = plan.old_program->mode;
    TALLY_ASSIGN_OR_RETURN(const auto holder, identify_holder(context, state, *plan.old_program));
    if (holder.has_link || !request.force || request.for_command) {
        const bool can_join = state.hook.dispatcher.has_value();
        return make_error(ErrorKind::kConflict, what,
                          fmt::format("the hook is taken by {}{}", holder.description,
                                      request.for_command ? "; --run does not replace a program" : ""))
            .with_hint(can_join ? beside_dispatcher(request)
                                : observing(context, *state.interface, request, running_mode) +
                                      instead_of(holder, request, state, running_mode));
    }
    if (!is_wanted(running_mode, plan)) {
        return mode_conflict(what, running_mode, instead_of(holder, request, state, running_mode));
    }
    plan.ended_dispatcher = state.hook.dispatcher.has_value();
    plan.moves = request.attach == AttachChoice::kDispatcher;
    plan.methods = {plan.moves ? AttachMethod::kComponent : AttachMethod::kReplaceByNetlink};
    return plan;
}

}  // namespace

Result<AttachPlan> make_attach_plan(const LoadRequest& request, const NetnsContext& context,
                                    const Interface& interface, const DeviceState& state) {
    const std::string what = fmt::format("loading on '{}'", interface.name);
    AttachPlan plan;
    plan.modes = wanted_modes(request.mode);
    plan.keeps_link = request.for_command;
    if (state.ours == Ours::kReserved) {
        return explain_reserved(what, state);
    }
    if (state.ours == Ours::kObservation && state.meta->ifindex == interface.ifindex) {
        return make_error(
                   ErrorKind::kConflict, what,
                   "the interface is observed by `xdp_loader --observe`, and its counters are pinned there")
            .with_hint(fmt::format("`xdp_loader {} --unload` ends the observation, with its counters",
                                   context.option(interface.name)));
    }
    if (state.ours == Ours::kUnreadable && !request.force) {
        return *state.dispatcher_trouble;
    }
    plan.old_program = state.our_program;
    if (state.ours == Ours::kUnpinned) {
        return plan_beside_foreign(request, context, state, what, std::move(plan));
    }
    if (plan.old_program && request.for_command) {
        return make_error(
                   ErrorKind::kConflict, what,
                   fmt::format(
                       "program {} of an earlier load is attached, and --run would detach it at its end",
                       plan.old_program->id))
            .with_hint(fmt::format(
                "`xdp_loader {} --unload --keep-maps` detaches it, and keeps its counters; then this "
                "command needs --reuse-maps and --keep-maps, or its end removes them",
                context.option(interface.name)));
    }
    if (state.ours == Ours::kElsewhere) {
        return explain_elsewhere(what, context, state, interface.name, Wish::kLoad);
    }
    const bool ours = plan.old_program.has_value();
    if (!ours) {
        plan.old_program = request.mode == ModeChoice::kOffload ? state.hook.offloaded : state.hook.program;
    }
    if (!plan.old_program) {
        TALLY_ASSIGN_OR_RETURN(plan.methods, first_methods(request, context, plan));
        return plan;
    }
    const std::uint32_t running = plan.old_program->mode;
    TALLY_ASSIGN_OR_RETURN(auto decided,
                           ours ? plan_replacement(request, context, state, what, std::move(plan))
                                : plan_beside_foreign(request, context, state, what, std::move(plan)));
    if (!is_wanted(running, decided)) {
        const bool shared = state.hook.dispatcher && (!ours || state.hook.dispatcher->components.size() > 1);
        if (shared) {
            return mode_conflict(what, running, "without a mode option it joins the others in their mode");
        }
        return mode_conflict(
            what, running,
            lacks_mode(state, request.mode) || is_below_a_program(context, interface)
                ? "without a mode option it is loaded in that mode"
                : fmt::format("without a mode option it is loaded in that mode; else `xdp_loader {} --unload "
                              "--keep-maps` first, which keeps the counters, then this command with "
                              "--reuse-maps",
                              context.option(interface.name)));
    }
    decided.modes = {running};
    return decided;
}

// In native mode jumbo frames come in fragments. Elsewhere the linear program serves, which every driver
// takes; generic mode hands it every frame in one piece. A dispatcher takes fragments only where all its
// components do: there ours is not the one that keeps large frames away.
std::vector<Attempt> make_attempts(const LoadRequest& request, const Interface& interface,
                                   const AttachPlan& plan) {
    constexpr std::uint32_t kUsualMtu = 1500;
    std::vector<Attempt> attempts;
    for (const auto mode : plan.modes) {
        for (const auto method : plan.methods) {
            if (!request.program.filename.empty()) {
                attempts.push_back(
                    {method, Variant::kLinear, mode, true});  // the file says itself what it is
                continue;
            }
            const bool jumbo = mode == XDP_TALLY_MODE_NATIVE && interface.mtu > kUsualMtu;
            const bool frags = jumbo || method == AttachMethod::kComponent;
            attempts.push_back({method, frags ? Variant::kFrags : Variant::kLinear, mode, true});
            attempts.push_back({method, frags ? Variant::kLinear : Variant::kFrags, mode, true});
        }
    }
    if (plan.methods.front() == AttachMethod::kUpdateLink) {
        attempts.push_back(
            {AttachMethod::kUpdateLink, attempts.front().variant, attempts.front().mode, false});
    }
    return attempts;
}

}  // namespace tally::loader
