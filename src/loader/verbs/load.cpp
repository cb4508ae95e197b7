// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/load.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <xdp_tally/abi.h>

#include "common/kernel/bpf_info.h"
#include "common/kernel/dispatcher.h"
#include "common/kernel/link_socket.h"
#include "common/pins/abi_names.h"
#include "common/pins/bpffs.h"
#include "common/pins/bpffs_mount.h"
#include "loader/change/attach_plan.h"
#include "loader/change/generation.h"
#include "loader/change/map_reuse.h"
#include "loader/change/migration.h"
#include "loader/change/publication.h"
#include "loader/change/replace_program.h"
#include "loader/device/device_state.h"
#include "loader/device/hook_description.h"
#include "loader/hook/capabilities.h"
#include "loader/hook/link_attach.h"
#include "loader/object/program_object.h"

namespace tally::loader {
namespace {

std::uint32_t kind_of(AttachMethod method) {
    switch (method) {
        case AttachMethod::kReplaceByNetlink:
            return XDP_TALLY_ATTACH_NETLINK;
        case AttachMethod::kComponent:
            return XDP_TALLY_ATTACH_DISPATCHER;
        default:
            return XDP_TALLY_ATTACH_LINK;
    }
}

std::uint64_t next_generation(const DeviceState& state) {
    return state.meta ? state.meta->generation + 1 : 1;
}

// The id of a component's program, which libxdp has not loaded yet, comes later.
Result<Meta> make_meta(const Interface& interface, const ProgramObject& object, const DeviceState& state,
                       const Attempt& attempt) {
    TALLY_ASSIGN_OR_RETURN(auto meta, begin_generation(interface, state.meta));
    meta.attach_mode = attempt.mode;
    meta.attach_kind = kind_of(attempt.method);
    meta.flags = object.has_frags() ? XDP_TALLY_META_FRAGS : 0U;
    object.program_name().copy(meta.program, sizeof(meta.program) - 1);
    if (attempt.method == AttachMethod::kComponent) {
        meta.flags |= object.uses_generation_marks() ? XDP_TALLY_META_MARKS : 0U;
        if (object.own_map_fd() >= 0) {
            TALLY_ASSIGN_OR_RETURN(auto own, map_info(object.own_map_fd()));
            meta.own_map_id = own.id;
        }
    } else {
        TALLY_ASSIGN_OR_RETURN(auto program, program_info(object.program_fd()));
        meta.program_id = program.id;
    }
    for (const auto& map : object.maps()) {
        TALLY_ASSIGN_OR_RETURN(auto info, map_info(ProgramObject::map_fd(map)));
        meta.map_ids[meta.map_count++] = info.id;
        if (map.name == XDP_TALLY_MAP_NAME) {
            meta.counter_map_id = info.id;
        }
    }
    return meta;
}

Result<void> stage_generation(PinDirectory& pins, const ProgramObject& object, const Meta& meta) {
    for (const auto& map : object.maps()) {
        if (!map.reused) {
            TALLY_TRY(pins.stage(ProgramObject::map_fd(map), map.pin_name));
        }
    }
    TALLY_ASSIGN_OR_RETURN(auto fd, create_meta_map());
    TALLY_TRY(write_meta(fd.get(), meta));
    return pins.stage(fd.get(), XDP_TALLY_META_NAME);
}

Outcome describe_load(const Interface& interface, const ProgramObject& object, const ProgramInfo& program,
                      const Meta& meta, const MapPlan& map_plan, const std::string& directory) {
    Outcome outcome;
    outcome.notes = map_plan.notes;
    outcome.dev = interface.name;
    outcome.mode = mode_name(meta.attach_mode);
    outcome.attach = attach_name(meta.attach_kind);
    outcome.program = ProgramOutcome{program.id, object.program_name(), program.tag, object.has_frags()};
    outcome.generation = meta.generation;
    outcome.pin_dir = directory;
    bool counts = false;
    for (std::size_t i = 0; i < object.maps().size(); ++i) {
        const auto& map = object.maps()[i];
        outcome.maps.push_back(
            MapOutcome{map.name, meta.map_ids[i], directory + '/' + map.pin_name, map.reused});
        counts = counts || map.name == XDP_TALLY_MAP_NAME;
    }
    if (!counts) {
        outcome.notes.emplace_back(
            "the object has no map 'xdp_stats_map', so nothing is counted: #include <xdp_tally/tally.bpf.h> "
            "in it");
    }
    return outcome;
}

void describe_takeover(const Replacement& replacement, Outcome& outcome) {
    outcome.link_id = replacement.link_id;
    outcome.notes.insert(outcome.notes.end(), replacement.notes.begin(), replacement.notes.end());
    if (replacement.component) {
        outcome.program->id = replacement.component->program_id;
        outcome.position = describe_position(*replacement.component);
    }
}

// A dry run has had the verifier look at a program and at maps that go with it.
void forget_what_goes(Outcome& outcome, const AttachPlan& plan, const Attempt& attempt) {
    outcome.program->id = 0;
    for (auto& map : outcome.maps) {
        map.id = map.reused ? map.id : 0;
    }
    if (plan.modes.size() > 1) {
        outcome.mode = "auto";  // only attaching tells whether the driver takes it
    }
    if (attempt.method == AttachMethod::kComponent && plan.methods.size() > 1) {
        outcome.notes.emplace_back(
            "whether the program fits a dispatcher shows when libxdp loads it: else it would be a link");
    }
}

// A move ends what was attached before, and the way back from it may fail when the new program is gone
// already.
bool nothing_runs(const Interface& interface) {
    const auto hook = query_xdp_hook(interface.ifindex);
    return hook && hook->empty();
}

// Maps whose pins were published, and taken back, are pinned nowhere, and the next run is to publish them.
// What is still staged is refused.
void stage_again(PinDirectory& pins, const ProgramObject& object) {
    for (const auto& map : object.maps()) {
        if (!map.reused) {
            (void)pins.stage(ProgramObject::map_fd(map), map.pin_name);
        }
    }
}

// The pins are as they were, or `pins` leaves what is staged: then the new program has to stay.
void roll_back(PinDirectory& pins, const Interface& interface, const ProgramObject& object,
               const AttachPlan& plan, const Rollback& rollback, const Counters& moved, Error& error) {
    const bool is_back = !pins.leaves_staged() && rollback && rollback();
    if (!is_back && plan.moves && !pins.leaves_staged() && nothing_runs(interface)) {
        error.hint =
            "no program is attached any more: the old one could not be attached again either; load again";
        error.hint += plan.foreign ? "" : ", with --reuse-maps the counters go on";
    } else if (!is_back) {
        stage_again(pins, object);
        pins.leave_staged();
        error.hint =
            "the new program runs, but its pins are not all in place: the next load, --unload or --clean "
            "finishes";
        return;
    }
    for (const auto& map : object.maps()) {
        if (plan.old_program && map.name == XDP_TALLY_MAP_NAME && !map.reused) {
            // Best effort: what it is for has failed already, and that is what has to be told.
            (void)give_counts_back(pins, ProgramObject::map_fd(map), moved);
        }
    }
}

// The object, as it has to be for the way in which it is going to be attached.
Result<ProgramObject> open_for(const Options& options, const Interface& interface, const Attempt& attempt,
                               std::uint64_t generation) {
    const auto sharing =
        attempt.method == AttachMethod::kComponent ? HookSharing::kShared : HookSharing::kExclusive;
    TALLY_ASSIGN_OR_RETURN(auto object,
                           open_chosen_program(program_choice(options), attempt.variant, sharing));
    if (attempt.mode == XDP_TALLY_MODE_OFFLOADED) {
        object.set_offload_device(interface.ifindex);
    }
    if (!attempt.attach_type) {
        object.clear_attach_type();
    }
    if (attempt.method == AttachMethod::kComponent) {
        if (const auto obstacle = component_obstacle(object); !obstacle.empty()) {
            return make_error(ErrorKind::kSystem,
                              fmt::format("adding '{}' to a dispatcher", object.program_name()), obstacle)
                .with_hint("--attach link gives it the hook alone");
        }
        TALLY_TRY(object.join_dispatcher(generation));
    }
    return object;
}

// One whole load, or nothing. `pins` is none in a dry run, which stops where the first change would be made.
Result<Outcome> try_load(const Options& options, const Interface& interface, const std::string& directory,
                         const DeviceState& state, const AttachPlan& plan, const Attempt& attempt,
                         PinDirectory* pins) {
    TALLY_ASSIGN_OR_RETURN(auto object, open_for(options, interface, attempt, next_generation(state)));
    TALLY_ASSIGN_OR_RETURN(auto map_plan, reuse_maps(options, object, state, directory));
    TALLY_TRY(check_pins_are_free(object, state, directory));
    TALLY_TRY(object.load());
    TALLY_TRY(set_redirect_target(program_choice(options), object));
    TALLY_ASSIGN_OR_RETURN(auto meta, make_meta(interface, object, state, attempt));
    meta.flags |= map_plan.migrates ? XDP_TALLY_META_MIGRATES : 0U;
    TALLY_ASSIGN_OR_RETURN(auto program, program_info(object.program_fd()));
    auto outcome = describe_load(interface, object, program, meta, map_plan, directory);
    outcome.verb = plan.old_program ? "replaced" : "loaded";
    if (pins == nullptr) {
        forget_what_goes(outcome, plan, attempt);
        if (state.interrupted) {
            outcome.notes.emplace_back("a change was interrupted; it would be finished or discarded first");
        }
        return outcome;
    }
    TALLY_TRY(stage_generation(*pins, object, meta));
    if (attempt.method == AttachMethod::kComponent && state.our_component() != nullptr) {
        TALLY_TRY(stage_old_meta(*pins));
    }
    std::optional<CountMover> mover;
    if (map_plan.migrates) {
        TALLY_ASSIGN_OR_RETURN(auto prepared, prepare_migration(*pins));
        mover = std::move(prepared);
    }
    const PositionWish wish = {options.priority, options.chain_actions};
    TALLY_ASSIGN_OR_RETURN(auto replacement,
                           replace_program(*pins, plan, attempt, wish, state, object, meta));
    PublicationReport report;
    auto published = publish_generation(*pins, meta, state.meta, mover ? &*mover : nullptr, report);
    if (!published) {
        roll_back(*pins, interface, object, plan, replacement.rollback, report.moved, published.error());
        return published.error();
    }
    outcome.removed = std::move(report.removed);
    outcome.notes.insert(outcome.notes.end(), report.notes.begin(), report.notes.end());
    describe_takeover(replacement, outcome);
    return outcome;
}

// Nothing of a failed attempt may be in the way of the next.
Result<void> empty_staging(PinDirectory& pins) {
    TALLY_ASSIGN_OR_RETURN(auto names, pins.staged());
    for (const auto& name : names) {
        TALLY_TRY(pins.remove_staged(name));
    }
    return {};
}

// Why it did not become what is tried first.
struct Refusals {
    std::string native;
    std::string dispatcher;

    void note(const Attempt& attempt, const Error& error) {
        if (attempt.method == AttachMethod::kComponent) {
            dispatcher = error.reason;
        }
        // A refusal that the MTU is to blame for says more than that of the other variant.
        if (attempt.mode == XDP_TALLY_MODE_NATIVE && (native.empty() || error.code == ERANGE)) {
            native = error.reason;
        }
    }
};

// Of two refusals the later one is told, but for two: the MTU is what the user can change, and a kernel
// before 5.18 refuses the xdp.frags variant before it has looked at the device.
bool says_more(const Attempt& attempt, const Error& error, const Error& earlier) {
    const bool unknown_variant = attempt.variant == Variant::kFrags && error.code == EINVAL;
    return earlier.code != ERANGE && !unknown_variant;
}

void describe_choice(const Options& options, const Interface& interface, const AttachPlan& plan,
                     const Attempt& attempt, const Refusals& refusals, Outcome& outcome) {
    if (attempt.mode == XDP_TALLY_MODE_GENERIC && !refusals.native.empty()) {
        outcome.notes.push_back("not in native mode: " + refusals.native);
    }
    if (attempt.method == AttachMethod::kNewLink && !refusals.dispatcher.empty()) {
        outcome.notes.push_back("by a link, not in a dispatcher: " + refusals.dispatcher);
    }
    if (options.verbose && options.filename.empty()) {
        outcome.notes.push_back(fmt::format("the {} program serves MTU {}",
                                            attempt.variant == Variant::kFrags ? "xdp.frags" : "linear",
                                            interface.mtu));
    }
    if (plan.foreign) {
        outcome.notes.push_back(fmt::format("took the place of program {}", plan.old_program->id));
        if (plan.ended_dispatcher) {
            outcome.notes.push_back(fmt::format(
                "libxdp's pins of the programs that it called stay; `xdp-loader clean {}` removes them",
                interface.name));
        }
    }
}

Result<Outcome> load_by_plan(const Options& options, const NetnsContext& context, const Interface& interface,
                             const std::string& directory, DeviceState state, PinDirectory* pins) {
    if (state.trouble) {
        return *state.trouble;
    }
    TALLY_ASSIGN_OR_RETURN(auto plan, make_attach_plan(options, context, interface, state));
    const auto attempts = make_attempts(options, interface, plan);
    Refusals refusals;
    refusals.dispatcher = plan.no_dispatcher;
    std::optional<Error> failure;
    for (const auto& attempt : attempts) {
        if (!attempt.attach_type && failure->code != EINVAL) {
            break;
        }
        auto outcome = try_load(options, interface, directory, state, plan, attempt, pins);
        if (outcome) {
            describe_choice(options, interface, plan, attempt, refusals, *outcome);
            return outcome;
        }
        refusals.note(attempt, outcome.error());
        if (!failure || says_more(attempt, outcome.error(), *failure)) {
            failure = std::move(outcome).error();
        }
        const bool unfinished = pins != nullptr && pins->leaves_staged();
        if (failure->kind != ErrorKind::kSystem || unfinished) {
            break;
        }
        if (pins != nullptr) {
            TALLY_TRY(empty_staging(*pins));
        }
        if (pins != nullptr && plan.moves) {
            // What had to end first was attached again, but not by the link that it had.
            state = inspect_device(directory, interface);
            if (state.trouble || !state.hook.find(plan.old_program->id)) {
                break;
            }
        }
    }
    if (failure->code == ERANGE && options.filename.empty()) {
        failure->hint =
            "lower the MTU, or use --skb-mode: frames of several buffers take kernel 5.18, and a driver that "
            "has them";
    }
    if (options.mode == ModeChoice::kOffload && failure->hint.empty()) {
        failure->hint =
            "offload mode takes a network card that runs BPF itself; without a mode option the driver does";
    }
    return *failure;
}

// The pins of an interface that was renamed follow it, once the load is done.
void rename_pins(PinDirectory& pins, const std::string& directory, Outcome& outcome) {
    const std::string old_directory = pins.path();
    if (const auto renamed = pins.rename(directory); !renamed) {
        outcome.notes.push_back("the pins stay below the interface's old name: " + renamed.error().message());
        return;
    }
    outcome.pin_dir = directory;
    for (auto& map : outcome.maps) {
        map.pin.replace(0, old_directory.size(), directory);
    }
    outcome.notes.push_back("the interface was renamed: its pins moved here from " + old_directory);
}

}  // namespace

ProgramChoice program_choice(const Options& options) {
    return {options.action, options.filename, options.progname, options.redirect_to};
}

std::string mount_for_loads(const Options& options, NetnsContext& context) {
    const auto exists = [](const std::string& device) { return resolve_interface(device).has_value(); };
    if (is_bpffs(context.bpffs.path) || context.obstacle || !check_load_capabilities() ||
        std::none_of(options.devices.begin(), options.devices.end(), exists)) {
        return {};
    }
    const std::string before = context.bpffs.path;
    const auto mounted = ensure_bpffs(context.bpffs);
    if (mounted && (*mounted || context.bpffs.path != before)) {
        use_bpffs_for_dispatchers(context.bpffs.path);
    }
    return mounted && *mounted ? "mounted a BPF file system on " + context.bpffs.path : std::string();
}

Result<Outcome> load(const Options& options, NetnsContext& context, const std::string& device) {
    if (context.obstacle) {
        return *context.obstacle;
    }
    TALLY_ASSIGN_OR_RETURN(auto interface, resolve_interface(device));
    TALLY_TRY(check_load_capabilities());
    if (options.dry_run) {
        const std::string directory = context.pins_of(interface);
        return load_by_plan(options, context, interface, directory, inspect_device(directory, interface),
                            nullptr);
    }
    // As a rule mount_for_loads has; else this says why it could not.
    TALLY_TRY(ensure_bpffs(context.bpffs));
    TALLY_ASSIGN_OR_RETURN(auto pins, lock_pins_of(context, interface));
    const std::string directory = pins.path();
    TALLY_ASSIGN_OR_RETURN(auto repaired, repair(pins, interface.ifindex));
    auto outcome =
        load_by_plan(options, context, interface, directory, inspect_device(directory, interface), &pins);
    if (outcome && directory != context.directory(interface.name)) {
        rename_pins(pins, context.directory(interface.name), *outcome);
    }
    if (outcome && !repaired.empty()) {
        outcome->notes.push_back(repaired);
    }
    return outcome;
}

}  // namespace tally::loader
