// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/load_outcome.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <xdp_tally/abi.h>

#include "common/network/link_socket.h"
#include "common/pins/abi_names.h"
#include "common/pins/counter_map.h"
#include "loader/change/detach_ours.h"
#include "loader/device/driver_support.h"
#include "loader/device/hook_description.h"
#include "loader/device/redirect_target.h"
#include "loader/hook/dispatcher_attach.h"
#include "loader/hook/dispatcher_pins.h"
#include "loader/hook/link_attach.h"
#include "loader/object/empty_maps.h"

namespace tally::loader {

namespace {

constexpr std::string_view kAnyMode = "auto";  // only attaching tells whether the driver takes it

// After a dry run, too, where the kernel tells what the driver can do.
bool runs_native(const Interface& interface, const Outcome& outcome) {
    if (outcome.mode != kAnyMode) {
        return outcome.mode == mode_name(XDP_TALLY_MODE_NATIVE);
    }
    return driver_has(interface.ifindex, XdpFeature::kNative).value_or(false);
}

// Of a program that does not use the counter map which its object has; empty: it does, or cannot be judged.
std::string describe_uncounted(const ProgramObject& object, std::uint32_t counter_map_id) {
    if (object.has_tail_calls()) {
        return {};  // the programs that it calls may count
    }
    const auto used = program_maps(object.program_fd());
    if (!used || std::find(used->begin(), used->end(), counter_map_id) != used->end()) {
        return {};
    }
    return fmt::format(
        "program '{}' does not count into xdp_stats_map, so its counters stay zero: it never calls "
        "xdp_tally; `return xdp_tally(ctx, VERDICT)` counts a packet",
        object.program_name());
}

// What --reuse-maps has come to, where that is nothing.
std::string describe_reuse(const LoadRequest& request, const ProgramObject& object) {
    const auto& maps = object.maps();
    const bool none = std::none_of(maps.begin(), maps.end(), [](const auto& map) { return map.reused; });
    return request.reuse_maps && request.new_maps.empty() && none
               ? "nothing was pinned that could be reused: all maps are new"
               : "";
}

// Of two refusals the later one is told, but for two: the MTU is what the user can change, and a kernel
// before 5.18 refuses the xdp.frags variant before it has looked at the device.
bool says_more(const Attempt& attempt, const Error& error, const Error& earlier) {
    const bool unknown_variant = attempt.variant == Variant::kFrags && error.code == EINVAL;
    return earlier.code != ERANGE && !unknown_variant;
}

// A link would end somebody else's programs.
bool shares_dispatcher(const DeviceState& state) {
    const auto& dispatcher = state.hook.dispatcher;
    return dispatcher && std::any_of(dispatcher->components.begin(), dispatcher->components.end(),
                                     [&](const Component& component) {
                                         return !state.our_program ||
                                                component.program_id != state.our_program->id;
                                     });
}

}  // namespace

void Refusals::note(const Attempt& attempt, Error error) {
    if (attempt.method == AttachMethod::kComponent) {
        dispatcher = error.reason;
    }
    // A refusal that the MTU is to blame for says more than that of the other variant.
    if (attempt.mode == XDP_TALLY_MODE_NATIVE && (native.empty() || error.code == ERANGE)) {
        native =
            error.reason + (error.code == ERANGE ? fmt::format("; {}", explain_linear_mtu()) : std::string());
    }
    if (!failure || says_more(attempt, error, *failure)) {
        failure = std::move(error);
    }
}

Outcome describe_load(const LoadRequest& request, const Interface& interface, const ProgramObject& object,
                      const ProgramInfo& program, const Meta& meta, const std::string& directory) {
    Outcome outcome;
    outcome.dev = interface.name;
    outcome.mode = mode_name(meta.attach_mode);
    outcome.attach = attach_name(meta.attach_kind);
    outcome.program = ProgramOutcome{program.id, object.program_name(), program.tag, object.has_frags()};
    outcome.generation = meta.generation;
    outcome.pin_dir = directory;
    bool counts = false;
    std::size_t own = 0;
    std::size_t adopted = meta.map_count;
    for (const auto& map : object.maps()) {
        const std::uint32_t id = meta.map_ids[map.adopted ? adopted++ : own++];
        outcome.maps.push_back(
            MapOutcome{map.name, id, directory + '/' + map.pin_name, map.reused, map.adopted});
        if (map.name == XDP_TALLY_MAP_NAME) {
            counts = true;
            const auto info = map_info(ProgramObject::map_fd(map));
            add_note(outcome, info ? describe_unreadable_counters(*info) : std::string());
            add_note(outcome, info ? describe_uncounted(object, info->id) : std::string());
        }
    }
    outcome.notes.insert(outcome.notes.end(), object.notes().begin(), object.notes().end());
    add_note(outcome, describe_empty_maps(object));
    if (!counts) {
        outcome.notes.emplace_back(
            "the object has no map 'xdp_stats_map', so nothing is counted: #include <xdp_tally/tally.bpf.h> "
            "in it, and `return xdp_tally(ctx, VERDICT)`; as it is, --observe counts it where another "
            "tool has attached it");
    }
    add_note(outcome, describe_reuse(request, object));
    return outcome;
}

void explain_refusing_driver(const Interface& interface, const Attempt& attempt, Error& error) {
    // EINVAL has other reasons, too, where there is a link or a dispatcher already.
    const bool by_driver = error.code == EOPNOTSUPP || error.code == ERANGE ||
                           (error.code == EINVAL && attempt.method == AttachMethod::kNewLink);
    if (attempt.mode != XDP_TALLY_MODE_NATIVE || !by_driver) {
        return;
    }
    if (const auto driver = describe_driver(interface, XdpFeature::kNative); !driver.empty()) {
        error.reason += "; " + driver;
    }
}

void describe_replacement(const Replacement& replacement, Outcome& outcome) {
    outcome.link_id = replacement.link_id;
    outcome.notes.insert(outcome.notes.end(), replacement.notes.begin(), replacement.notes.end());
    if (replacement.component) {
        outcome.program->id = replacement.component->program_id;
        outcome.position = describe_position(*replacement.component);
    }
}

void describe_redirect(const ProgramChoice& choice, const NetnsContext& context, const Interface& interface,
                       Outcome& outcome) {
    if (!choice.filename.empty() || choice.action != Action::kRedirect) {
        return;
    }
    const auto target = resolve_interface(choice.redirect_to);
    outcome.redirect =
        describe_redirect_target(context, target ? target->ifindex : 0, runs_native(interface, outcome));
    if (!outcome.redirect->note.empty()) {
        outcome.warnings.push_back(outcome.redirect->note);
    }
}

void forget_what_goes(Outcome& outcome, const AttachPlan& plan, const Attempt& attempt) {
    outcome.program->id = 0;
    for (auto& map : outcome.maps) {
        map.id = map.reused ? map.id : 0;
    }
    if (plan.modes.size() > 1) {
        outcome.mode = kAnyMode;
    }
    if (attempt.method == AttachMethod::kComponent && plan.methods.size() > 1) {
        outcome.notes.emplace_back(
            "only loading shows whether the program can be added to a dispatcher: otherwise it would be "
            "attached by a link");
    }
}

namespace {

// Who asked for a place in a dispatcher, and is in none, hears so.
std::string describe_unused_position(const LoadRequest& request, const Attempt& attempt) {
    if (attempt.method == AttachMethod::kComponent || !(request.priority || request.chain_actions)) {
        return {};
    }
    const bool both = request.priority && request.chain_actions;
    return fmt::format(
        "{} {} no effect: attached {}, the program holds the hook alone; --attach dispatcher insists",
        both ? "--prio and --chain-actions" : (request.priority ? "--prio" : "--chain-actions"),
        both ? "have" : "has",
        attempt.method == AttachMethod::kReplaceByNetlink ? "over netlink" : "by a link");
}

}  // namespace

void describe_choice(const LoadRequest& request, const Interface& interface, const AttachPlan& plan,
                     const Attempt& attempt, const Refusals& refusals, Outcome& outcome) {
    if (attempt.mode == XDP_TALLY_MODE_GENERIC && !refusals.native.empty()) {
        add_warning(outcome, "not in native mode: " + refusals.native);
    }
    if (attempt.method == AttachMethod::kNewLink && !refusals.dispatcher.empty()) {
        outcome.notes.push_back("by a link, not in a dispatcher: " + refusals.dispatcher);
    }
    add_note(outcome, describe_unused_position(request, attempt));
    if (request.attach == AttachChoice::kLink && attempt.method == AttachMethod::kReplaceByNetlink) {
        outcome.notes.emplace_back(
            "--attach link has no effect: what is attached over netlink can be replaced only over netlink; "
            "after an "
            "--unload, a load attaches by a link");
    }
    if (request.verbose && request.program.filename.empty()) {
        outcome.notes.push_back(fmt::format("the {} program serves MTU {}",
                                            attempt.variant == Variant::kFrags ? "xdp.frags" : "linear",
                                            interface.mtu));
    }
    if (plan.foreign) {
        outcome.notes.push_back(fmt::format("replaces program {} of another tool", plan.old_program->id));
        if (plan.ended_dispatcher) {
            add_note(outcome, describe_left_pins(plan.old_program->id));
        }
    }
}

void advise_on_failure(const LoadRequest& request, const NetnsContext& context, const DeviceState& state,
                       Error& failure) {
    if (failure.code == ERANGE && request.program.filename.empty()) {
        failure.hint =
            "lower the MTU, or use --skb-mode: frames of several buffers need kernel 5.18 and a driver that "
            "supports them";
    }
    if (failure.hint == kAttachLinkInstead && shares_dispatcher(state)) {
        failure.hint =
            "it cannot run beside the programs there; --attach link --force ends them, and takes their place";
    }
    if (state.ours == Ours::kComponent && failure.kind == ErrorKind::kConflict && failure.hint.empty()) {
        failure.hint = advise_on_stuck_dispatcher(context, state);
    }
    if (request.mode == ModeChoice::kOffload && failure.hint.empty()) {
        failure.hint =
            "offload mode needs a network card that runs BPF itself; without a mode option the driver runs "
            "the program";
    }
}

}  // namespace tally::loader
