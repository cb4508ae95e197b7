// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "common/base/device_name.h"
#include "common/base/exceptions.h"
#include "common/bpf/dispatcher_directory.h"
#include "common/network/link_socket.h"
#include "common/pins/bpffs.h"
#include "common/pins/bpffs_mount.h"
#include "common/pins/pin_names.h"
#include "loader/change/attach_plan.h"
#include "loader/change/dispatcher_leftover.h"
#include "loader/change/killed_run.h"
#include "loader/change/recovery.h"
#include "loader/delivery/tracking.h"
#include "loader/device/device_inspection.h"
#include "loader/device/upper_devices.h"
#include "loader/hook/capabilities.h"
#include "loader/observe/follow.h"
#include "loader/verbs/load_outcome.h"

namespace tally::loader {
namespace {

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

Result<Outcome> load_by_plan(LoadContext& load) {
    const LoadRequest& request = load.request;
    if (load.state.trouble) {
        return *load.state.trouble;
    }
    TALLY_ASSIGN_OR_RETURN(const auto plan,
                           make_attach_plan(request, load.netns, load.interface, load.state));
    Refusals refusals;
    refusals.dispatcher = plan.no_dispatcher;
    for (const auto& attempt : make_attempts(request, load.interface, plan)) {
        if (refusals.failure) {
            if (!attempt.attach_type && refusals.failure->code != EINVAL) {
                break;
            }
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
        refusals.note(attempt, std::move(outcome).error());
        if (refusals.failure->kind != ErrorKind::kSystem || load.attached) {
            break;
        }
    }
    advise_on_failure(request, load.netns, load.state, *refusals.failure);
    return *refusals.failure;
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
        outcome.runs_on = with_netns(context.netns, interface.name);
        outcome.notes.push_back("the interface came from another network namespace: its pins stay in " +
                                pins.path());
    }
}

// Where it is not, because it was moved or renamed with a program of ours, the error says where it is. No
// whole command: it would have to name the program that is to run there.
Result<Interface> find_device(const NetnsContext& context, const std::string& device) {
    auto found = context.resolve(device);
    if (!found && found.error().kind == ErrorKind::kNotFound) {
        std::string directory = context.directory(device);
        const auto state = inspect_unlocked(context, directory, std::nullopt);
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

// What a dry run does not make, this process would have to be allowed to. A bpffs that is not there would be
// mounted first.
Result<void> check_may_pin(const NetnsContext& context, const std::string& directory) {
    TALLY_ASSIGN_OR_RETURN(const auto there, answer_of(is_bpffs(context.bpffs.path)));
    return there.value_or(false) ? PinDirectory::check_may_create(directory) : Result<void>();
}

}  // namespace

void mount_for_loads(const std::vector<std::string>& devices, NetnsContext& context) {
    const auto exists = [](const std::string& device) { return resolve_interface(device).has_value(); };
    const auto there = is_bpffs(context.bpffs.path);
    if (!there || *there || context.obstacle || !check_load_capabilities() ||
        std::none_of(devices.begin(), devices.end(), exists)) {
        return;
    }
    const std::string before = context.bpffs.path;
    const auto ensured = ensure_bpffs(context.bpffs);
    if (ensured && (!context.bpffs.mounted.empty() || context.bpffs.path != before)) {
        use_bpffs_for_dispatchers(context.bpffs.path);
    }
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
    if (request.dry_run && !load.state.trouble) {
        TALLY_TRY(check_may_pin(context, load.directory));
    }
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
