// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/exceptions.h"
#include "common/kernel/dispatcher.h"
#include "common/kernel/link_socket.h"
#include "common/pins/bpffs.h"
#include "common/pins/bpffs_mount.h"
#include "common/pins/pin_names.h"
#include "common/pins/process_lock.h"
#include "common/start/memory_reserve.h"
#include "loader/change/attach_plan.h"
#include "loader/change/delivery_base.h"
#include "loader/change/detach_ours.h"
#include "loader/change/dispatcher_leftover.h"
#include "loader/change/generation.h"
#include "loader/change/killed_run.h"
#include "loader/change/map_reuse.h"
#include "loader/change/publication.h"
#include "loader/change/recovery.h"
#include "loader/change/replace_program.h"
#include "loader/delivery/tracking.h"
#include "loader/device/device_state.h"
#include "loader/device/upper_devices.h"
#include "loader/hook/capabilities.h"
#include "loader/hook/dispatcher_attach.h"
#include "loader/object/chosen_program.h"
#include "loader/object/program_object.h"
#include "loader/observe/follow.h"
#include "loader/verbs/load_outcome.h"

namespace tally::loader {
namespace {

// What one load of one device works on.
struct LoadContext {
    const LoadRequest& request;
    const NetnsContext& netns;
    RunHold* hold;
    Interface interface;
    std::string directory;             // of the pins
    std::optional<PinDirectory> pins;  // locked; none in a dry run
    DeviceState state;
    std::optional<DeliveryReading> delivery;  // right before the latest attempt to attach
    bool attached = false;  // the kernel took the program: another attempt would do no better

    bool dry_run() const { return !pins; }
    void look_again() { state = inspect_device(netns, directory, interface); }
};

// A move ends what was attached before, and its rollback may fail when the new program is gone already.
bool nothing_runs(const Interface& interface) {
    const auto hook = query_xdp_hook(interface.ifindex);
    return hook && hook->empty();
}

constexpr const char* kFinishedLater = "the next load, --unload or --clean completes that";

// After a failure: everything as it was, or the new program stays, and the staging area with what the next
// command needs to finish. The hint of `error` says which.
void roll_back(LoadContext& load, const AttachPlan& plan, PinChanges& changes, Rollback rollback,
               const Meta& meta, Error& error) {
    const bool prepared = changes.stage_old_pins().has_value();
    if (!prepared || !rollback.run()) {
        if (!(prepared && plan.moves && nothing_runs(load.interface))) {
            (void)changes.unstage_old_pins();
            load.pins->leave_staged();
            error.hint =
                fmt::format("the new program runs, but not all its pins are published: {}", kFinishedLater);
            return;
        }
        error.hint =
            "no program is attached any more, because the old one could not be attached again: load again";
        error.hint += plan.foreign ? "" : ", with --reuse-maps the counters go on";
    }
    if (!discard_generation(*load.pins, load.state.meta, meta)) {
        load.pins->leave_staged();
        error.hint += fmt::format("{}the old pins are not all restored: {}", error.hint.empty() ? "" : "; ",
                                  kFinishedLater);
    }
}

// The same where memory may be short: what cannot be undone stays staged, for the next command.
void roll_back_in_need(LoadContext& load, const AttachPlan& plan, PinChanges& changes, Rollback rollback,
                       const Meta& meta, Error& error) {
    release_memory_reserve();
    const auto rolled_back = without_exceptions([&]() -> Result<void> {
        roll_back(load, plan, changes, std::move(rollback), meta, error);
        return {};
    });
    if (!rolled_back) {
        load.pins->leave_staged();
    }
}

// An exception, while the program was being attached: what is staged tells what to finish and what to
// discard, as after a kill.
Result<Replacement> settle(LoadContext& load, Error error) {
    release_memory_reserve();
    load.attached = true;  // as far as anybody knows
    if (!without_exceptions([&] { return repair(*load.pins, load.netns); })) {
        load.pins->leave_staged();
    }
    return error;
}

Result<Replacement> replace_or_settle(LoadContext& load, const AttachPlan& plan, const Attempt& attempt,
                                      const ProgramObject& object, Meta& meta) {
    const PositionWish wish = {load.request.priority, load.request.chain_actions};
    try {
        return replace_program(*load.pins, plan, attempt, wish, load.state, object, meta);
    } catch (const std::exception& exception) {
        return settle(load, error_of(exception));
    }
}

// The object, as it has to be for the way in which it is going to be attached.
Result<ProgramObject> open_for(const ProgramChoice& choice, const Interface& interface,
                               const Attempt& attempt, std::uint64_t generation) {
    const auto sharing =
        attempt.method == AttachMethod::kComponent ? HookSharing::kShared : HookSharing::kExclusive;
    TALLY_ASSIGN_OR_RETURN(auto object, open_chosen_program(choice, attempt.variant, sharing));
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
                .with_hint(kAttachLinkInstead);
        }
        TALLY_TRY(object.join_dispatcher(generation));
    }
    return object;
}

// Why this attempt cannot have a program that is bound to the device; empty: it can.
std::string binding_obstacle(const Attempt& attempt) {
    if (attempt.method == AttachMethod::kComponent) {
        return "its receive-metadata kfuncs take a program that is bound to the device, and a dispatcher "
               "takes none";
    }
    return attempt.mode == XDP_TALLY_MODE_NATIVE ? ""
                                                 : "its receive-metadata kfuncs work in native mode alone";
}

// With the maps that it reuses. Receive-metadata kfuncs take a program that is bound to the device, which the
// verifier tells.
Result<ProgramObject> open_and_load(LoadContext& load, const Attempt& attempt, std::uint64_t generation,
                                    bool bound = false) {
    TALLY_ASSIGN_OR_RETURN(auto object, open_for(load.request.program, load.interface, attempt, generation));
    if (bound) {
        object.bind_to_device(load.interface.ifindex);
    }
    TALLY_TRY(reuse_maps(load.request, object, load.state, load.directory));
    TALLY_TRY(check_pins_are_free(object, load.state, load.directory));
    auto loaded = object.load();
    if (loaded) {
        return object;
    }
    auto error = std::move(loaded).error();
    if (bound || !object.wants_bound_device()) {
        return error;
    }
    if (auto obstacle = binding_obstacle(attempt); !obstacle.empty()) {
        error.reason = std::move(obstacle);
        error.details.clear();
        error.hint = "by a link in native mode it can be loaded, where the driver has that";
        return error;
    }
    return open_and_load(load, attempt, generation, true);
}

// Before anything is attached, so that what a kill leaves in a dispatcher is known for what it is.
Result<void> reserve_for_run(LoadContext& load) {
    if (load.hold == nullptr || load.hold->lock) {  // for an attempt that failed
        return {};
    }
    TALLY_ASSIGN_OR_RETURN(auto lock, take_process_lock(load.directory + '/' + kRunName));
    if (!lock) {
        return make_error(ErrorKind::kConflict, fmt::format("locking {}/{}", load.directory, kRunName),
                          "another process holds the lock");
    }
    load.hold->lock = std::move(*lock);
    return {};
}

// The kernel would refuse the attachment, and a move would have ended the old one by then. A link is updated
// all the same.
Result<void> check_upper_devices(const LoadContext& load, const Attempt& attempt,
                                 const ProgramObject& object) {
    if (attempt.method == AttachMethod::kUpdateLink) {
        return {};
    }
    auto words = upper_device_refusal(load.interface.ifindex, object.program_fd());
    if (words.empty()) {
        return {};
    }
    return make_error(ErrorKind::kConflict, fmt::format("loading on '{}'", load.interface.name),
                      std::move(words));
}

Result<Replacement> put_on_hook(LoadContext& load, const AttachPlan& plan, const Attempt& attempt,
                                const ProgramObject& object, Meta& meta) {
    auto replacement = replace_or_settle(load, plan, attempt, object, meta);
    if (!replacement) {
        explain_refusing_driver(load.interface, attempt, replacement.error());
    }
    return replacement;
}

// Nobody knows when what an adopted map holds began to be counted.
bool adopts_counters(const ProgramObject& object) {
    const auto& maps = object.maps();
    return std::any_of(maps.begin(), maps.end(),
                       [](const auto& map) { return map.name == XDP_TALLY_MAP_NAME && map.adopted; });
}

// What --reuse-maps has come to, where that is nothing.
std::string describe_reuse(const LoadRequest& request, const ProgramObject& object) {
    const auto& maps = object.maps();
    const bool none = std::none_of(maps.begin(), maps.end(), [](const auto& map) { return map.reused; });
    return request.reuse_maps && request.new_maps.empty() && none
               ? "nothing was pinned that could be reused: counting starts at zero"
               : "";
}

// One whole load, or nothing. A dry run stops where the first change would be made.
Result<Outcome> try_load(LoadContext& load, const AttachPlan& plan, const Attempt& attempt) {
    const LoadRequest& request = load.request;
    const std::uint64_t generation = load.state.meta ? load.state.meta->generation + 1 : 1;
    TALLY_ASSIGN_OR_RETURN(auto object, open_and_load(load, attempt, generation));
    if (auto set = set_redirect_target(request.program, object); !set) {
        return set.error().kind == ErrorKind::kNotFound
                   ? load.netns.explain_missing(request.program.redirect_to)
                   : std::move(set).error();
    }
    TALLY_ASSIGN_OR_RETURN(auto meta, make_meta(load.interface, object, load.state.meta, attempt));
    meta.flags |= request.for_command ? XDP_TALLY_META_RUN : 0U;
    TALLY_ASSIGN_OR_RETURN(const auto program, program_info(object.program_fd()));
    auto outcome = describe_load(load.interface, object, program, meta, load.directory);
    outcome.kind = plan.old_program ? OutcomeKind::kReplaced : OutcomeKind::kLoaded;
    add_note(outcome, describe_reuse(request, object));
    TALLY_TRY(check_upper_devices(load, attempt, object));
    if (load.dry_run()) {
        forget_what_goes(outcome, plan, attempt);
        if (load.state.interrupted) {
            outcome.notes.emplace_back("a change was interrupted; it would be finished or discarded first");
        }
        return outcome;
    }
    PinDirectory& pins = *load.pins;
    load.delivery = read_delivery(load.directory);
    begin_delivery(meta, load.state.meta, !adopts_counters(object), load.delivery);
    TALLY_TRY(stage_generation(pins, object, meta));
    TALLY_TRY(reserve_for_run(load));
    if (attempt.method == AttachMethod::kComponent && load.state.ours == Ours::kComponent) {
        TALLY_TRY(stage_replaced_meta(pins));
    }
    TALLY_ASSIGN_OR_RETURN(auto replacement, put_on_hook(load, plan, attempt, object, meta));
    load.attached = true;
    PublicationReport report;
    PinChanges changes(pins);
    auto published =
        without_exceptions([&] { return publish_generation(pins, changes, meta, load.state.meta, report); });
    if (!published) {
        roll_back_in_need(load, plan, changes, std::move(replacement.rollback), meta, published.error());
        return published.error();
    }
    if (load.hold != nullptr) {
        load.hold->ifindex = load.interface.ifindex;
        load.hold->link = std::move(replacement.new_link);
    }
    outcome.removed = std::move(report.removed);
    outcome.notes.insert(outcome.notes.end(), report.notes.begin(), report.notes.end());
    describe_replacement(replacement, outcome);
    return outcome;
}

// Of two refusals the later one is told, but for two: the MTU is what the user can change, and a kernel
// before 5.18 refuses the xdp.frags variant before it has looked at the device.
bool says_more(const Attempt& attempt, const Error& error, const Error& earlier) {
    const bool unknown_variant = attempt.variant == Variant::kFrags && error.code == EINVAL;
    return earlier.code != ERANGE && !unknown_variant;
}

// After a failed attempt: nothing of it may be in the way of the next. False where there can be none.
Result<bool> prepare_next_attempt(LoadContext& load, const AttachPlan& plan) {
    if (load.dry_run()) {
        return true;
    }
    TALLY_TRY(repair(*load.pins, load.netns));
    load.look_again();
    // What had to end first was attached again, but not by the link that it had.
    return !load.state.trouble && (!plan.moves || load.state.hook.find(plan.old_program->id));
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

Result<Outcome> load_by_plan(LoadContext& load) {
    const LoadRequest& request = load.request;
    if (load.state.trouble) {
        return *load.state.trouble;
    }
    TALLY_ASSIGN_OR_RETURN(const auto plan,
                           make_attach_plan(request, load.netns, load.interface, load.state));
    Refusals refusals;
    refusals.dispatcher = plan.no_dispatcher;
    std::optional<Error> failure;
    for (const auto& attempt : make_attempts(request, load.interface, plan)) {
        if (!attempt.attach_type && failure->code != EINVAL) {
            break;
        }
        if (failure) {
            TALLY_ASSIGN_OR_RETURN(const bool ready, prepare_next_attempt(load, plan));
            if (!ready) {
                break;
            }
        }
        auto outcome = try_load(load, plan, attempt);
        if (outcome) {
            describe_choice(request, load.interface, plan, attempt, refusals, *outcome);
            describe_redirect(request.program, load.netns, load.interface, *outcome);
            return outcome;
        }
        explain_stacked_devices(load.netns, load.interface, outcome.error());
        refusals.note(attempt, outcome.error());
        if (!failure || says_more(attempt, outcome.error(), *failure)) {
            failure = std::move(outcome).error();
        }
        if (failure->kind != ErrorKind::kSystem || load.attached) {
            break;
        }
    }
    if (failure->code == ERANGE && request.program.filename.empty()) {
        failure->hint =
            "lower the MTU, or use --skb-mode: frames of several buffers need kernel 5.18 and a driver that "
            "supports them";
    }
    if (failure->hint == kAttachLinkInstead && shares_dispatcher(load.state)) {
        failure->hint =
            "it cannot run beside the programs there; --attach link --force ends them, and takes their place";
    }
    if (load.state.ours == Ours::kComponent && failure->kind == ErrorKind::kConflict &&
        failure->hint.empty()) {
        failure->hint = advise_on_stuck_dispatcher(load.netns, load.state);
    }
    if (request.mode == ModeChoice::kOffload && failure->hint.empty()) {
        failure->hint =
            "offload mode needs a network card that runs BPF itself; without a mode option the driver runs "
            "the program";
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

// Those of one that was moved to another network namespace stay: its readers look for them where they are.
void settle_pins(PinDirectory& pins, const NetnsContext& context, const Interface& interface,
                 Outcome& outcome) {
    const std::string directory = context.directory(interface.name);
    if (pins.path() != directory && context.has_directory(pins.path())) {
        rename_pins(pins, directory, outcome);
    } else if (pins.path() != directory) {
        outcome.runs_on = context.netns.empty() ? interface.name : context.netns + '/' + interface.name;
        outcome.notes.push_back("the interface came from another network namespace: its pins stay in " +
                                pins.path());
    }
}

// Where it is not, because it was moved or renamed with a program of ours, the error says where it is. No
// whole command: it would have to name the program that is to run there.
Result<Interface> find_device(const NetnsContext& context, const std::string& device) {
    auto found = context.resolve(device);
    if (!found && found.error().kind == ErrorKind::kNotFound) {
        const auto state = inspect_device(context, context.directory(device), std::nullopt);
        if (state.place) {
            found.error().hint = fmt::format(
                "the interface that had this name is '{}' now, with its program: this command with {} loads "
                "there",
                state.place->name(), state.place->option(context));
        } else {
            return context.explain_missing(device);
        }
    }
    return found;
}

}  // namespace

std::string mount_for_loads(const std::vector<std::string>& devices, NetnsContext& context) {
    const auto exists = [](const std::string& device) { return resolve_interface(device).has_value(); };
    const auto there = is_bpffs(context.bpffs.path);
    if (!there || *there || context.obstacle || !check_load_capabilities() ||
        std::none_of(devices.begin(), devices.end(), exists)) {
        return {};
    }
    const std::string before = context.bpffs.path;
    const auto mounted = ensure_bpffs(context.bpffs);
    if (mounted && (*mounted || context.bpffs.path != before)) {
        use_bpffs_for_dispatchers(context.bpffs.path);
    }
    return mounted && *mounted ? "mounted a BPF file system on " + context.bpffs.path : std::string();
}

Result<Outcome> load(const LoadRequest& request, NetnsContext& context, const std::string& device,
                     RunHold* hold) {
    if (context.obstacle) {
        return *context.obstacle;
    }
    TALLY_ASSIGN_OR_RETURN(const auto interface, find_device(context, device));
    TALLY_TRY(check_load_capabilities());
    LoadContext load{request, context, hold, interface, {}, std::nullopt, {}, std::nullopt};
    std::string repaired;
    if (request.dry_run) {
        TALLY_ASSIGN_OR_RETURN(load.directory, context.pins_of(interface));
    } else {
        // As a rule mount_for_loads has; else this says why it could not.
        TALLY_TRY(ensure_bpffs(context.bpffs));
        TALLY_ASSIGN_OR_RETURN(load.pins, lock_pins_of(context, interface));
        load.directory = load.pins->path();
        TALLY_ASSIGN_OR_RETURN(repaired, repair(*load.pins, context));
    }
    load.look_again();
    TALLY_ASSIGN_OR_RETURN(const auto restored,
                           restore_meta(load.pins ? &*load.pins : nullptr, context, load.state));
    TALLY_ASSIGN_OR_RETURN(const auto ended,
                           end_killed_run(load.state, context, load.directory, load.dry_run()));
    TALLY_ASSIGN_OR_RETURN(const auto leftover, find_leftover(load.state));
    // What an exception leaves staged is not attached: that was seen to.
    auto outcome = without_exceptions([&] { return load_by_plan(load); });
    if (!outcome) {
        if (hold != nullptr && hold->lock) {
            ::rmdir((load.directory + '/' + kRunName).c_str());
        }
        return outcome;
    }
    const auto room = load.delivery ? make_room_if_needed(context, load.delivery->counts) : std::string();
    for (const auto& note : {repaired, restored, ended, room}) {
        add_note(*outcome, note);
    }
    if (const auto removed = remove_leftover(leftover, load.dry_run(), *outcome); !removed) {
        add_warning(*outcome, removed.error().message());  // the load itself is done
    }
    if (load.dry_run()) {
        return outcome;
    }
    const auto ends_with_us = ends_with_mount_namespace(context.bpffs);
    if (hold == nullptr && ends_with_us && *ends_with_us) {
        add_warning(
            *outcome,
            fmt::format("the BPF file system on {} is mounted in this mount namespace alone (`ip netns "
                        "exec`, `unshare`): its pins, and the program with them, go when the last process "
                        "here ends; --netns NAME from outside keeps them",
                        context.bpffs.path));
    }
    remove_follower_lock(load.directory);
    settle_pins(*load.pins, context, interface, *outcome);
    return outcome;
}

}  // namespace tally::loader
