#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include <xdp_tally/abi.h>

#include "common/bpffs.h"
#include "common/names.h"
#include "common/netns.h"
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
#include "loader/verbs.h"

namespace tally::loader {
namespace {

Result<Meta> make_meta(const Interface& interface, const ProgramObject& object, const DeviceState& state,
                       Way way) {
    Meta meta = {};
    meta.magic = XDP_TALLY_MAGIC;
    meta.abi_version = XDP_TALLY_ABI_VERSION;
    meta.generation = 1;
    if (state.meta) {
        meta.generation = state.meta->generation + 1;
        meta.lineage = state.meta->lineage;
        std::copy(std::begin(state.meta->carried), std::end(state.meta->carried), meta.carried);
    } else if (::getrandom(&meta.lineage, sizeof(meta.lineage), 0) != sizeof(meta.lineage)) {
        return last_error("getting a random number");
    }
    timespec now = {};
    ::clock_gettime(CLOCK_REALTIME, &now);
    meta.load_time =
        static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
    TALLY_TRY_ASSIGN(netns, current_netns_inode());
    meta.netns_inode = netns;
    meta.ifindex = interface.ifindex;
    meta.attach_kind = way == Way::kReplaceByNetlink ? XDP_TALLY_ATTACH_NETLINK : XDP_TALLY_ATTACH_LINK;
    interface.name.copy(meta.interface, sizeof(meta.interface) - 1);
    object.program_name().copy(meta.program, sizeof(meta.program) - 1);
    TALLY_TRY_ASSIGN(program, program_info(object.program_fd()));
    meta.program_id = program.id;
    for (const auto& map : object.maps()) {
        TALLY_TRY_ASSIGN(info, map_info(ProgramObject::map_fd(map)));
        meta.map_ids[meta.map_count++] = info.id;
        if (map.name == XDP_TALLY_MAP_NAME) {
            meta.counter_map_id = info.id;
        }
    }
    return meta;
}

Result<void> stage_generation(PinDirectory& pins, const ProgramObject& object, const MapPlan& map_plan,
                              const Meta& meta) {
    for (const auto& map : object.maps()) {
        if (!map_plan.reuses(map.pin_name)) {
            TALLY_TRY(pins.stage(ProgramObject::map_fd(map), map.pin_name));
        }
    }
    TALLY_TRY_ASSIGN(fd, create_meta_map());
    TALLY_TRY(write_meta(fd.get(), meta));
    return pins.stage(fd.get(), XDP_TALLY_META_NAME);
}

// Puts the program on the hook. Where the way back is empty, there is none but that of the staged link.
Result<WayBack> attach(PinDirectory& pins, const Interface& interface, const AttachPlan& plan,
                       const Attempt& attempt, const DeviceState& state, int program_fd,
                       std::optional<std::uint32_t>& link_id) {
    switch (plan.way) {
        case Way::kUpdateLink:
            link_id = state.link_info->id;
            return update_xdp_link(state.link.get(), program_fd, plan.old_program->id);
        case Way::kReplaceByNetlink:
            return replace_by_netlink(interface, program_fd, *plan.old_program);
        case Way::kNewLink:
            break;
    }
    TALLY_TRY_ASSIGN(link, create_xdp_link(interface, program_fd, attempt.mode));
    TALLY_TRY_ASSIGN(info, link_info(link.get()));
    link_id = info.id;
    // From here on the pin keeps the program attached; the staging area takes it down with itself.
    TALLY_TRY(pins.stage(link.get(), XDP_TALLY_LINK_NAME));
    return WayBack([] { return true; });
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
        const bool is_reused = map_plan.reuses(map.pin_name);
        outcome.maps.push_back(
            MapOutcome{map.name, meta.map_ids[i], directory + '/' + map.pin_name, is_reused});
        counts = counts || map.name == XDP_TALLY_MAP_NAME;
    }
    if (!counts) {
        outcome.notes.emplace_back(
            "the object has no map 'xdp_stats_map', so nothing is counted: #include <xdp_tally/tally.bpf.h> "
            "in it");
    }
    return outcome;
}

// A dry run has had the verifier look at a program and at maps that go with it.
void forget_what_goes(Outcome& outcome, const AttachPlan& plan) {
    outcome.program->id = 0;
    for (auto& map : outcome.maps) {
        map.id = map.reused ? map.id : 0;
    }
    if (plan.modes.size() > 1) {
        outcome.mode = "auto";  // only attaching tells whether the driver takes it
    }
}

// The pins are as they were, or `pins` leaves what is staged: then the new program has to stay.
void take_back(PinDirectory& pins, const ProgramObject& object, const MapPlan& map_plan,
               const AttachPlan& plan, const WayBack& way_back, Error& error) {
    if (pins.leaves_staged() || !way_back || !way_back()) {
        pins.leave_staged();
        error.hint =
            "the new program runs, but its pins are not all in place: the next load, --unload or --clean "
            "finishes";
        return;
    }
    for (const auto& map : object.maps()) {
        if (plan.old_program && map.name == XDP_TALLY_MAP_NAME && !map_plan.reuses(map.pin_name)) {
            // Best effort: what it is for has failed already, and that is what has to be told.
            (void)give_counts_back(pins, ProgramObject::map_fd(map));
        }
    }
}

// One whole load, or nothing. `pins` is none in a dry run, which stops where the first change would be made.
Result<Outcome> try_load(const Options& options, const Interface& interface, const std::string& directory,
                         const DeviceState& state, const AttachPlan& plan, const Attempt& attempt,
                         PinDirectory* pins) {
    TALLY_TRY_ASSIGN(object, open_chosen_program(options, attempt.variant));
    if (attempt.mode == XDP_TALLY_MODE_OFFLOADED) {
        object.bind_to_card(interface.ifindex);
    }
    if (!attempt.attach_type) {
        object.clear_attach_type();
    }
    TALLY_TRY_ASSIGN(map_plan, reuse_maps(options, object, state, directory));
    TALLY_TRY(check_pins_are_free(object, state, map_plan, directory));
    TALLY_TRY(object.load());
    TALLY_TRY(aim_redirect(options, object));
    TALLY_TRY_ASSIGN(meta, make_meta(interface, object, state, plan.way));
    meta.attach_mode = attempt.mode;
    meta.flags =
        (map_plan.migrates ? XDP_TALLY_META_MIGRATES : 0U) | (object.has_frags() ? XDP_TALLY_META_FRAGS : 0U);
    TALLY_TRY_ASSIGN(program, program_info(object.program_fd()));
    auto outcome = describe_load(interface, object, program, meta, map_plan, directory);
    outcome.verb = plan.old_program ? "replaced" : "loaded";
    if (pins == nullptr) {
        forget_what_goes(outcome, plan);
        if (state.interrupted) {
            outcome.notes.emplace_back("a change was interrupted; it would be finished or discarded first");
        }
        return outcome;
    }
    TALLY_TRY(stage_generation(*pins, object, map_plan, meta));
    std::optional<CountMover> mover;
    if (map_plan.migrates) {
        TALLY_TRY_ASSIGN(prepared, prepare_migration(*pins));
        mover = std::move(prepared);
    }
    TALLY_TRY_ASSIGN(way_back,
                     attach(*pins, interface, plan, attempt, state, object.program_fd(), outcome.link_id));
    auto published = publish_generation(*pins, meta, state.meta, mover ? &*mover : nullptr, outcome.removed);
    if (!published) {
        take_back(*pins, object, map_plan, plan, way_back, published.error());
        return published.error();
    }
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

Result<Outcome> load_by_plan(const Options& options, const Place& place, const Interface& interface,
                             const std::string& directory, const DeviceState& state, PinDirectory* pins) {
    if (state.trouble) {
        return *state.trouble;
    }
    TALLY_TRY_ASSIGN(plan, make_attach_plan(options, place, interface, state));
    const auto attempts = make_attempts(options, interface, plan);
    std::vector<std::string> notes;
    std::string native_refusal;
    std::optional<Error> failure;
    for (const auto& attempt : attempts) {
        if (!attempt.attach_type && failure->code != EINVAL) {
            break;
        }
        auto outcome = try_load(options, interface, directory, state, plan, attempt, pins);
        if (outcome) {
            if (attempt.mode == XDP_TALLY_MODE_GENERIC && !native_refusal.empty()) {
                outcome->notes.push_back("not in native mode: " + native_refusal);
            }
            if (options.verbose && options.filename.empty()) {
                outcome->notes.push_back(
                    fmt::format("the {} program serves MTU {}",
                                attempt.variant == Variant::kFrags ? "xdp.frags" : "linear", interface.mtu));
            }
            if (plan.foreign) {
                outcome->notes.push_back(fmt::format("took the place of program {}", plan.old_program->id));
            }
            return outcome;
        }
        // A refusal that the MTU is to blame for says more than that of the other variant.
        const bool tells = native_refusal.empty() || outcome.error().code == ERANGE;
        if (attempt.mode == XDP_TALLY_MODE_NATIVE && tells) {
            native_refusal = outcome.error().reason;
        }
        if (!failure || failure->code != ERANGE) {
            failure = std::move(outcome).error();
        }
        const bool unfinished = pins != nullptr && pins->leaves_staged();
        if (failure->kind != ErrorKind::kSystem || unfinished) {
            break;
        }
        if (pins != nullptr) {
            TALLY_TRY(empty_staging(*pins));
        }
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

Result<Outcome> load(const Options& options, Place& place, const std::string& device) {
    if (place.obstacle) {
        return *place.obstacle;
    }
    TALLY_TRY_ASSIGN(interface, resolve_interface(device));
    TALLY_TRY(check_load_capabilities());
    if (options.dry_run) {
        const std::string directory = place.pins_of(interface);
        const auto state = inspect_device(directory, interface);
        return load_by_plan(options, place, interface, directory, state, nullptr);
    }
    TALLY_TRY_ASSIGN(mounted, ensure_bpffs(place.bpffs));
    const std::string directory = place.pins_of(interface);
    TALLY_TRY_ASSIGN(pins, PinDirectory::lock(directory));
    TALLY_TRY_ASSIGN(repaired, repair(pins, interface.ifindex));
    const auto state = inspect_device(directory, interface);
    auto outcome = load_by_plan(options, place, interface, directory, state, &pins);
    if (outcome && directory != place.directory(interface.name)) {
        take_along(pins, place.directory(interface.name), *outcome);
    }
    if (outcome && !repaired.empty()) {
        outcome->notes.push_back(repaired);
    }
    if (outcome && mounted) {
        outcome->notes.push_back("mounted a BPF file system on " + place.bpffs.path);
    }
    return outcome;
}

}  // namespace tally::loader
