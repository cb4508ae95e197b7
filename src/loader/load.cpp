#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include <xdp_tally/abi.h>

#include "common/bpffs.h"
#include "common/dispatcher.h"
#include "common/link_socket.h"
#include "common/names.h"
#include "loader/attach_plan.h"
#include "loader/attachment.h"
#include "loader/capabilities.h"
#include "loader/chosen_program.h"
#include "loader/describe.h"
#include "loader/device_state.h"
#include "loader/map_plan.h"
#include "loader/migration.h"
#include "loader/program_object.h"
#include "loader/publication.h"
#include "loader/record.h"
#include "loader/takeover.h"
#include "loader/verbs.h"

namespace tally::loader {
namespace {

std::uint32_t kind_of(Way way) {
    switch (way) {
        case Way::kReplaceByNetlink:
            return XDP_TALLY_ATTACH_NETLINK;
        case Way::kComponent:
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
    TALLY_TRY_ASSIGN(meta, begin_record(interface, state.meta));
    meta.attach_mode = attempt.mode;
    meta.attach_kind = kind_of(attempt.way);
    meta.flags = object.has_frags() ? XDP_TALLY_META_FRAGS : 0U;
    object.program_name().copy(meta.program, sizeof(meta.program) - 1);
    if (attempt.way == Way::kComponent) {
        meta.flags |= object.heeds_marks() ? XDP_TALLY_META_MARKS : 0U;
        if (object.own_map_fd() >= 0) {
            TALLY_TRY_ASSIGN(own, map_info(object.own_map_fd()));
            meta.own_map_id = own.id;
        }
    } else {
        TALLY_TRY_ASSIGN(program, program_info(object.program_fd()));
        meta.program_id = program.id;
    }
    for (const auto& map : object.maps()) {
        TALLY_TRY_ASSIGN(info, map_info(ProgramObject::map_fd(map)));
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
    TALLY_TRY_ASSIGN(fd, create_meta_map());
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

void describe_takeover(const Takeover& takeover, Outcome& outcome) {
    outcome.link_id = takeover.link_id;
    outcome.notes.insert(outcome.notes.end(), takeover.notes.begin(), takeover.notes.end());
    if (takeover.component) {
        outcome.program->id = takeover.component->program_id;
        outcome.position = describe_position(*takeover.component);
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
    if (attempt.way == Way::kComponent && plan.ways.size() > 1) {
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
void take_back(PinDirectory& pins, const Interface& interface, const ProgramObject& object,
               const AttachPlan& plan, const WayBack& way_back, const Counters& moved, Error& error) {
    const bool is_back = !pins.leaves_staged() && way_back && way_back();
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
    const auto company = attempt.way == Way::kComponent ? Company::kDispatcher : Company::kAlone;
    TALLY_TRY_ASSIGN(object, open_chosen_program(options, attempt.variant, company));
    if (attempt.mode == XDP_TALLY_MODE_OFFLOADED) {
        object.bind_to_card(interface.ifindex);
    }
    if (!attempt.attach_type) {
        object.clear_attach_type();
    }
    if (attempt.way == Way::kComponent) {
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
    TALLY_TRY_ASSIGN(object, open_for(options, interface, attempt, next_generation(state)));
    TALLY_TRY_ASSIGN(map_plan, reuse_maps(options, object, state, directory));
    TALLY_TRY(check_pins_are_free(object, state, directory));
    TALLY_TRY(object.load());
    TALLY_TRY(aim_redirect(options, object));
    TALLY_TRY_ASSIGN(meta, make_meta(interface, object, state, attempt));
    meta.flags |= map_plan.migrates ? XDP_TALLY_META_MIGRATES : 0U;
    TALLY_TRY_ASSIGN(program, program_info(object.program_fd()));
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
    if (attempt.way == Way::kComponent && state.our_component() != nullptr) {
        TALLY_TRY(stage_old_record(*pins));
    }
    std::optional<CountMover> mover;
    if (map_plan.migrates) {
        TALLY_TRY_ASSIGN(prepared, prepare_migration(*pins));
        mover = std::move(prepared);
    }
    const PositionWish wish = {options.priority, options.chain_actions};
    TALLY_TRY_ASSIGN(takeover, take_over(*pins, plan, attempt, wish, state, object, meta));
    PublicationReport report;
    auto published = publish_generation(*pins, meta, state.meta, mover ? &*mover : nullptr, report);
    if (!published) {
        take_back(*pins, interface, object, plan, takeover.way_back, report.moved, published.error());
        return published.error();
    }
    outcome.removed = std::move(report.removed);
    outcome.notes.insert(outcome.notes.end(), report.notes.begin(), report.notes.end());
    describe_takeover(takeover, outcome);
    return outcome;
}

// Nothing of a failed attempt may be in the way of the next.
Result<void> empty_staging(PinDirectory& pins) {
    TALLY_TRY_ASSIGN(names, pins.staged());
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
        if (attempt.way == Way::kComponent) {
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
    if (attempt.way == Way::kNewLink && !refusals.dispatcher.empty()) {
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

Result<Outcome> load_by_plan(const Options& options, const Place& place, const Interface& interface,
                             const std::string& directory, DeviceState state, PinDirectory* pins) {
    if (state.trouble) {
        return *state.trouble;
    }
    TALLY_TRY_ASSIGN(plan, make_attach_plan(options, place, interface, state));
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
void take_along(PinDirectory& pins, const std::string& directory, Outcome& outcome) {
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

std::string mount_for_loads(const Options& options, Place& place) {
    const auto exists = [](const std::string& device) { return resolve_interface(device).has_value(); };
    if (is_bpffs(place.bpffs.path) || place.obstacle || !check_load_capabilities() ||
        std::none_of(options.devices.begin(), options.devices.end(), exists)) {
        return {};
    }
    const std::string before = place.bpffs.path;
    const auto mounted = ensure_bpffs(place.bpffs);
    if (mounted && (*mounted || place.bpffs.path != before)) {
        use_bpffs_for_dispatchers(place.bpffs.path);
    }
    return mounted && *mounted ? "mounted a BPF file system on " + place.bpffs.path : std::string();
}

Result<Outcome> load(const Options& options, Place& place, const std::string& device) {
    if (place.obstacle) {
        return *place.obstacle;
    }
    TALLY_TRY_ASSIGN(interface, resolve_interface(device));
    TALLY_TRY(check_load_capabilities());
    if (options.dry_run) {
        const std::string directory = place.pins_of(interface);
        return load_by_plan(options, place, interface, directory, inspect_device(directory, interface),
                            nullptr);
    }
    // As a rule mount_for_loads has; else this says why it could not.
    TALLY_TRY(ensure_bpffs(place.bpffs));
    TALLY_TRY_ASSIGN(pins, lock_pins_of(place, interface));
    const std::string directory = pins.path();
    TALLY_TRY_ASSIGN(repaired, repair(pins, interface.ifindex));
    auto outcome =
        load_by_plan(options, place, interface, directory, inspect_device(directory, interface), &pins);
    if (outcome && directory != place.directory(interface.name)) {
        take_along(pins, place.directory(interface.name), *outcome);
    }
    if (outcome && !repaired.empty()) {
        outcome->notes.push_back(repaired);
    }
    return outcome;
}

}  // namespace tally::loader
