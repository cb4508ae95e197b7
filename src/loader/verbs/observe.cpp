// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/observe.h"

#include <fmt/format.h>

#include <utility>

#include "common/bpf/dispatcher_directory.h"
#include "common/network/link_socket.h"
#include "common/pins/abi_names.h"
#include "common/pins/bpffs_mount.h"
#include "common/pins/pin_names.h"
#include "loader/change/detach_ours.h"
#include "loader/change/recovery.h"
#include "loader/device/device_inspection.h"
#include "loader/device/hook_description.h"
#include "loader/hook/capabilities.h"
#include "loader/observe/follow.h"
#include "loader/observe/observation.h"

namespace tally::loader {
namespace {

// What we attached ourselves counts by itself, if at all: its pins are where those of an observation would
// be.
Result<void> check_not_ours(const NetnsContext& context, const Interface& interface,
                            const DeviceState& state) {
    const std::string what = fmt::format("observing '{}'", interface.name);
    if (state.interrupted && !state.meta) {  // in a dry run: what is no dry run has repaired it by now
        return make_error(
            ErrorKind::kConflict, what,
            "a change was interrupted; the next load, --observe, --unload or --clean repairs that");
    }
    if (state.ours == Ours::kElsewhere) {
        return explain_elsewhere(what, context, state, interface.name, Wish::kLoad);
    }
    if (!state.our_program && state.ours != Ours::kReserved) {
        return {};
    }
    const bool counts = state.meta->counter_map_id != 0;
    return make_error(ErrorKind::kConflict, what,
                      fmt::format("program {} there was loaded by xdp_loader, and {}", state.meta->program_id,
                                  counts ? "counts already" : "has no map 'xdp_stats_map' to count into"))
        .with_hint(
            counts ? fmt::format("`xdp_stats {}` shows what it counts", context.option(interface.name))
                   : "in its source, #include <xdp_tally/tally.bpf.h> and `return xdp_tally(ctx, VERDICT)`; "
                     "or unload it, and attach it with another tool: then --observe counts it");
}

Result<Outcome> describe_observation(const Interface& interface, const DeviceState& state,
                                     const Target& target, const Observation& observation,
                                     const std::string& directory, const std::string& option) {
    Outcome outcome;
    outcome.kind = OutcomeKind::kObserving;
    outcome.dev = interface.name;
    outcome.mode = mode_name(target.program.mode);
    outcome.attach = attach_name(XDP_TALLY_ATTACH_OBSERVE);
    TALLY_ASSIGN_OR_RETURN(outcome.program, describe_program(target.program.id, state));
    outcome.pin_dir = directory;
    outcome.removed = observation.report.removed;
    outcome.notes = observation.report.notes;
    const Meta& meta = observation.meta;
    if (meta.magic == XDP_TALLY_MAGIC) {
        outcome.program->name = meta.program;
        outcome.generation = meta.generation;
    }
    const auto add_map = [&](std::size_t index, const std::string& pin) {
        const bool reused = state.observes() && owns_map(*state.meta, meta.map_ids[index]);
        outcome.maps.push_back({decode_pin_name(pin), meta.map_ids[index], directory + '/' + pin, reused});
    };
    add_map(0, XDP_TALLY_MAP_NAME);
    for (std::size_t i = 0; i < target.components.size(); ++i) {
        const auto& component = target.components[i];
        add_map(i + 1, component_map_pin(component.program_id, component.name));
    }
    if (target.components.size() > 1) {
        outcome.notes.push_back(
            fmt::format("each of the dispatcher's {} programs is counted, too: `xdp_stats {} --per-program` "
                        "shows them",
                        target.components.size(), option));
    }
    return outcome;
}

// `pins` is none in a dry run.
Result<Outcome> observe_hook(const NetnsContext& context, const Interface& interface, std::string directory,
                             PinDirectory* pins) {
    const auto state = pins != nullptr ? inspect_device(context, directory, interface)
                                       : inspect_unlocked(context, directory, interface);
    if (state.trouble) {
        return *state.trouble;
    }
    TALLY_TRY(check_not_ours(context, interface, state));
    TALLY_ASSIGN_OR_RETURN(auto target, find_target(interface, state.hook, context.option(interface.name)));
    TALLY_ASSIGN_OR_RETURN(auto observation, renew_observation(pins, directory, interface, state, target));
    TALLY_ASSIGN_OR_RETURN(auto outcome, describe_observation(interface, state, target, observation,
                                                              directory, context.option(interface.name)));
    if (pins != nullptr) {
        const auto link = pins->open(XDP_TALLY_LINK_NAME, false);
        if (const auto info = link ? link_info(link->get()) : link.error()) {
            outcome.link_id = info->id;
        }
    }
    return outcome;
}

Result<Outcome> observe_for_good(const NetnsContext& context, const Interface& interface, bool follow) {
    TALLY_ASSIGN_OR_RETURN(auto pins, lock_pins_of(context, interface));
    TALLY_ASSIGN_OR_RETURN(auto repaired, repair(pins, context));
    TALLY_ASSIGN_OR_RETURN(auto outcome, observe_hook(context, interface, pins.path(), &pins));
    outcome.notes.push_back(follow ? "each replacement of the program is observed until this process ends"
                                   : fmt::format("once the program is replaced, `xdp_loader {} --observe` "
                                                 "observes the next one; with --follow it does so by itself",
                                                 context.option(interface.name)));
    add_note(outcome, repaired);
    return outcome;
}

}  // namespace

Result<Outcome> observe(const ObserveRequest& request, NetnsContext& context, const std::string& device) {
    TALLY_ASSIGN_OR_RETURN(const auto interface, context.find(device));
    if (context.obstacle || !interface) {
        return context.explain_missing(device);
    }
    TALLY_TRY(check_observe_capabilities());
    if (request.dry_run) {
        TALLY_ASSIGN_OR_RETURN(auto directory, context.pins_of(*interface));
        return observe_hook(context, *interface, std::move(directory), nullptr);
    }
    TALLY_TRY(ensure_bpffs(context.bpffs));
    if (!context.bpffs.mounted.empty()) {
        use_bpffs_for_dispatchers(context.bpffs.path);
    }
    return observe_for_good(context, *interface, request.follow);
}

int follow_observation(const NetnsContext& context, const Outcome& observed,
                       const std::function<void(const Outcome&)>& report) {
    const auto report_here = [&](Outcome outcome) {
        outcome.netns = context.netns;
        report(outcome);
        return outcome.error ? exit_status(outcome.error->kind) : 0;
    };
    auto followed = FollowedObservation::begin(observed.pin_dir);
    if (!followed) {
        return report_here(failed_outcome(observed.dev, std::move(followed).error()));
    }
    report_here(observed);
    const auto renew = [&](PinDirectory& pins, const Interface& interface) -> Result<void> {
        TALLY_ASSIGN_OR_RETURN(auto outcome, observe_hook(context, interface, pins.path(), &pins));
        report_here(std::move(outcome));
        return {};
    };
    auto end = followed->follow(
        context, renew, [&](const Error& error) { report_here(failed_outcome(observed.dev, error)); });
    if (!end) {
        Error error = std::move(end).error();
        if (error.kind == ErrorKind::kNotFound) {
            error.hint =
                fmt::format("`xdp_loader {} --clean` removes its pins", context.option(observed.dev));
        }
        return report_here(failed_outcome(observed.dev, std::move(error)));
    }
    if (*end == FollowedObservation::End::kUnloaded) {
        Outcome unloaded;
        unloaded.dev = observed.dev;
        unloaded.kind = OutcomeKind::kUnloaded;
        report_here(std::move(unloaded));
    }
    return 0;
}

}  // namespace tally::loader
