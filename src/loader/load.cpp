#include <bpf/bpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
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
#include "loader/attachment.h"
#include "loader/capabilities.h"
#include "loader/describe.h"
#include "loader/device_state.h"
#include "loader/migration.h"
#include "loader/program_object.h"
#include "loader/publication.h"
#include "loader/redirect.h"
#include "loader/verbs.h"

namespace tally::loader {
namespace {

// How the new program gets onto the hook.
enum class Way { kNewLink, kUpdateLink, kReplaceByNetlink };

struct Plan {
    Way way = Way::kNewLink;
    std::vector<std::uint32_t> modes;            // to be tried in this order; one where a program is replaced
    std::optional<AttachedProgram> old_program;  // what is replaced
    bool foreign = false;                        // and it is somebody else's
};

// One try: which of the built-in variants, and in which mode.
struct Attempt {
    Variant variant = Variant::kLinear;
    std::uint32_t mode = 0;
    // A link takes only programs with the attach type of its first: BPF_XDP, or none where that was loaded
    // without (libbpf does so when its probe for attach types fails).
    bool attach_type = true;
};

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

Error mode_conflict(const std::string& what, std::uint32_t running, const std::string& option) {
    return make_error(ErrorKind::kConflict, what,
                      fmt::format("a program already runs in {} mode, and a mode is not changed in place",
                                  mode_name(running)))
        .with_hint(fmt::format("`xdp_loader {} --unload` first, or load without a mode option", option));
}

Result<Plan> make_plan(const Options& options, const Place& place, const Interface& interface,
                       const DeviceState& state) {
    const std::string what = fmt::format("loading on '{}'", interface.name);
    Plan plan;
    plan.modes = wanted_modes(options.mode);
    const auto serves = [&plan](std::uint32_t mode) {
        return std::find(plan.modes.begin(), plan.modes.end(), mode) != plan.modes.end();
    };
    if (state.held_by_a_run()) {
        return explain_held_by_a_run(what, state);
    }
    plan.old_program = state.our_program();
    if (plan.old_program && options.verb == Verb::kRun) {
        return make_error(ErrorKind::kConflict, what,
                          fmt::format("program {} of an earlier load runs there, and would not after --run",
                                      plan.old_program->id))
            .with_hint(fmt::format("`xdp_loader {} --unload` first", place.option(interface.name)));
    }
    if (state.link_alive() && !plan.old_program) {
        return make_error(
                   ErrorKind::kConflict, what,
                   fmt::format("the link pinned for this name runs program {} on another interface (moved "
                               "or renamed, or of another network namespace)",
                               state.link_info->program_id))
            .with_hint(fmt::format("`xdp_loader {} --unload` ends it, --bpffs DIR keeps apart",
                                   place.option(interface.name)));
    }
    if (!plan.old_program) {
        plan.old_program = options.mode == ModeChoice::kOffload ? state.hook.offloaded : state.hook.program;
        plan.foreign = plan.old_program.has_value();
    }
    if (!plan.old_program) {
        return plan;
    }
    if (plan.foreign) {
        const auto link = find_xdp_link(interface.ifindex, plan.old_program->id);
        const bool by_link = link && link->has_value();
        if (by_link || !options.force) {
            auto error = make_error(ErrorKind::kConflict, what,
                                    "the hook is taken by " + describe_holder(interface, *plan.old_program));
            error.hint = by_link ? fmt::format(
                                       "only the link's owner can replace it: end that process or remove its "
                                       "pin, or `bpftool link detach id {}`",
                                       (*link)->id)
                                 : "--force replaces it";
            return error;
        }
    }
    if (!serves(plan.old_program->mode)) {
        return mode_conflict(what, plan.old_program->mode, place.option(interface.name));
    }
    plan.modes = {plan.old_program->mode};
    plan.way = state.link_alive() ? Way::kUpdateLink : Way::kReplaceByNetlink;
    return plan;
}

// In native mode jumbo frames come in fragments. Elsewhere the linear program serves, which every driver
// takes; generic mode hands it every frame in one piece.
std::vector<Attempt> make_attempts(const Options& options, const Interface& interface, const Plan& plan) {
    constexpr std::uint32_t kUsualMtu = 1500;
    std::vector<Attempt> attempts;
    for (const auto mode : plan.modes) {
        if (!options.filename.empty()) {
            attempts.push_back({Variant::kLinear, mode, true});  // the file says itself what it is
            continue;
        }
        const bool jumbo = mode == XDP_TALLY_MODE_NATIVE && interface.mtu > kUsualMtu;
        attempts.push_back({jumbo ? Variant::kFrags : Variant::kLinear, mode, true});
        attempts.push_back({jumbo ? Variant::kLinear : Variant::kFrags, mode, true});
    }
    if (plan.way == Way::kUpdateLink) {
        attempts.push_back({attempts.front().variant, attempts.front().mode, false});
    }
    return attempts;
}

Result<ProgramObject> open_object(const Options& options, const Attempt& attempt) {
    return options.filename.empty() ? ProgramObject::open_builtin(options.action, attempt.variant)
                                    : ProgramObject::open_file(options.filename, options.progname);
}

// What becomes of the maps pinned by the load before.
struct MapPlan {
    std::vector<std::string> reused;  // pin names: the new object goes on with these maps
    bool migrates = false;            // the new counter map starts from the old one's counts
    std::vector<std::string> notes;

    bool reuses(const std::string& pin_name) const {
        return std::find(reused.begin(), reused.end(), pin_name) != reused.end();
    }
};

Result<void> reuse_map(ProgramObject& object, const ProgramObject::Map& map, const std::string& path) {
    auto fd = open_map_pin(path, false);
    if (!fd && fd.error().kind == ErrorKind::kPermission) {
        fd = open_map_pin(path, true);  // 0444: its owner without CAP_DAC_OVERRIDE
    }
    if (!fd) {
        return fd.error();
    }
    return object.reuse(map, fd->get());
}

// kConflict lists all differences at once.
Result<MapPlan> reuse_maps(const Options& options, ProgramObject& object, const DeviceState& state,
                           const std::string& directory) {
    MapPlan plan;
    std::string differences;
    const bool wanted = options.reuse_maps || options.migrate;
    for (const auto& map : object.maps()) {
        const PinnedMap* pinned = wanted && map.reusable ? state.find_map(map.pin_name) : nullptr;
        if (pinned == nullptr) {
            continue;
        }
        const auto old_layout = layout_of(pinned->info);
        const auto new_layout = object.layout(map);
        const auto lines = compare_layouts(old_layout, new_layout);
        if (lines.empty()) {
            TALLY_TRY(reuse_map(object, map, directory + '/' + map.pin_name));
            plan.reused.push_back(map.pin_name);
        } else if (options.migrate && map.name != XDP_TALLY_MAP_NAME) {
            plan.notes.push_back(fmt::format("{} has another layout and starts empty", map.name));
        } else if (options.migrate && counts_like_ours(old_layout) && counts_like_ours(new_layout) &&
                   new_layout.type == BPF_MAP_TYPE_PERCPU_ARRAY) {
            plan.migrates = true;
            plan.notes.push_back(fmt::format("{} starts from the counts of the old map", map.name));
        } else {
            differences += fmt::format("{}: {}\n", map.name, fmt::join(lines, "\n" + map.name + ": "));
        }
    }
    if (differences.empty()) {
        return plan;
    }
    auto error = make_error(ErrorKind::kConflict, fmt::format("reusing the maps pinned in {}", directory),
                            "their layout is another");
    error.details = std::move(differences);
    error.hint =
        options.migrate
            ? "the counters do not mean the same; without --migrate new maps start at zero"
            : "--migrate takes over counts that mean the same; without --reuse-maps new maps start at zero";
    return error;
}

// A pin that xdp-tally did not create is never overwritten.
Result<void> check_pins_are_free(const ProgramObject& object, const DeviceState& state,
                                 const MapPlan& map_plan, const std::string& directory) {
    std::vector<std::string> wanted = {XDP_TALLY_META_NAME, XDP_TALLY_LINK_NAME};
    for (const auto& map : object.maps()) {
        if (!map_plan.reuses(map.pin_name)) {
            wanted.push_back(map.pin_name);
        }
    }
    for (const auto& pin : wanted) {
        const PinnedMap* map = state.find_map(pin);
        const bool other =
            std::find(state.other_pins.begin(), state.other_pins.end(), pin) != state.other_pins.end();
        if (other || (map != nullptr && !state.owns(*map))) {
            const std::string kind = map != nullptr ? fmt::format("a map (id {})", map->info.id)
                                                    : std::string("something that is not a map");
            return make_error(ErrorKind::kConflict, fmt::format("pinning {}/{}", directory, pin),
                              fmt::format("the name is taken by {} that xdp_loader did not pin", kind))
                .with_hint(fmt::format("if nobody needs it, `rm {}/{}`; or --bpffs DIR for another place",
                                       directory, pin));
        }
    }
    return {};
}

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
Result<WayBack> attach(PinDirectory& pins, const Interface& interface, const Plan& plan,
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
void forget_what_goes(Outcome& outcome, const Plan& plan) {
    outcome.program->id = 0;
    for (auto& map : outcome.maps) {
        map.id = map.reused ? map.id : 0;
    }
    if (plan.modes.size() > 1) {
        outcome.mode = "auto";  // only attaching tells whether the driver takes it
    }
}

// The pins are as they were, or `pins` leaves what is staged: then the new program has to stay.
void take_back(PinDirectory& pins, const ProgramObject& object, const MapPlan& map_plan, const Plan& plan,
               const WayBack& way_back, Error& error) {
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
                         const DeviceState& state, const Plan& plan, const Attempt& attempt,
                         PinDirectory* pins) {
    TALLY_TRY_ASSIGN(object, open_object(options, attempt));
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
    TALLY_TRY_ASSIGN(plan, make_plan(options, place, interface, state));
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
        if (attempt.mode == XDP_TALLY_MODE_NATIVE && native_refusal.empty()) {
            native_refusal = outcome.error().reason;
        }
        // A number the MTU is to blame for says more than the refusal of the variant tried next.
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
