// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/load_attempt.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <xdp_tally/abi.h>

#include "common/base/exceptions.h"
#include "common/bpf/bpf_info.h"
#include "common/network/xdp_hook.h"
#include "common/pins/meta.h"
#include "common/pins/pin_names.h"
#include "common/pins/process_lock.h"
#include "common/start/memory_reserve.h"
#include "loader/change/generation.h"
#include "loader/change/map_reuse.h"
#include "loader/change/pin_changes.h"
#include "loader/change/publication.h"
#include "loader/change/recovery.h"
#include "loader/change/replace_program.h"
#include "loader/device/upper_devices.h"
#include "loader/hook/dispatcher_attach.h"
#include "loader/hook/rollback.h"
#include "loader/object/chosen_program.h"
#include "loader/object/program_object.h"
#include "loader/verbs/load_outcome.h"

namespace tally::loader {
namespace {

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
    TALLY_TRY(check_pins_are_free(object, load.state, load.directory, load.request.reuse_maps));
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

// Nobody knows when what an adopted map holds began to be counted.
bool adopts_counters(const ProgramObject& object) {
    const auto& maps = object.maps();
    return std::any_of(maps.begin(), maps.end(),
                       [](const auto& map) { return map.name == XDP_TALLY_MAP_NAME && map.adopted; });
}

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

// Where memory may be short: what cannot be undone stays staged, for the next command.
template <typename Undo>
void undo_in_need(PinDirectory& pins, const Undo& undo) {
    release_memory_reserve();
    if (!without_exceptions(undo)) {
        pins.leave_staged();
    }
}

Result<Replacement> put_on_hook(LoadContext& load, const AttachPlan& plan, const Attempt& attempt,
                                const ProgramObject& object, Meta& meta) {
    const PositionWish wish = {load.request.priority, load.request.chain_actions};
    try {
        auto replacement = replace_program(*load.pins, plan, attempt, wish, load.state, object, meta);
        if (!replacement) {
            explain_refusing_driver(load.interface, attempt, replacement.error());
        }
        return replacement;
    } catch (const std::exception& exception) {
        Error error = error_of(exception);
        load.attached = true;  // as far as anybody knows
        // What is staged tells what to finish and what to discard, as after a kill.
        undo_in_need(*load.pins, [&] { return repair(*load.pins, load.netns); });
        return error;
    }
}

// From the first pin to the last.
Result<void> put_in_place(LoadContext& load, const AttachPlan& plan, const Attempt& attempt,
                          const ProgramObject& object, Meta& meta, Outcome& outcome) {
    PinDirectory& pins = *load.pins;
    const auto& old_meta = load.state.meta;
    TALLY_ASSIGN_OR_RETURN(load.delivery, read_delivery(load.directory));
    begin_delivery(meta, old_meta, !adopts_counters(object), load.delivery);
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
        without_exceptions([&] { return publish_generation(pins, changes, meta, old_meta, report); });
    if (!published) {
        undo_in_need(pins, [&]() -> Result<void> {
            roll_back(load, plan, changes, std::move(replacement.rollback), meta, published.error());
            return {};
        });
        return published;
    }
    if (load.hold != nullptr) {
        load.hold->ifindex = load.interface.ifindex;
        load.hold->link = std::move(replacement.new_link);
    }
    outcome.removed = std::move(report.removed);
    outcome.notes.insert(outcome.notes.end(), report.notes.begin(), report.notes.end());
    describe_replacement(replacement, outcome);
    return {};
}

// An interface of another namespace would be of no use.
Error explain_missing_target(const LoadContext& load) {
    return load.netns.explain_missing(load.request.program.redirect_to,
                                      fmt::format("`ip -brief link` lists the interfaces; packets are "
                                                  "redirected within the network namespace of '{}' alone",
                                                  load.interface.name));
}

}  // namespace

Result<Outcome> try_load(LoadContext& load, const AttachPlan& plan, const Attempt& attempt) {
    const LoadRequest& request = load.request;
    const std::uint64_t generation = load.state.meta ? load.state.meta->generation + 1 : 1;
    TALLY_ASSIGN_OR_RETURN(auto object, open_and_load(load, attempt, generation));
    if (auto set = set_redirect_target(request.program, object); !set) {
        return set.error().kind == ErrorKind::kNotFound ? explain_missing_target(load)
                                                        : std::move(set).error();
    }
    TALLY_ASSIGN_OR_RETURN(auto meta, make_meta(load.interface, object, load.state.meta, attempt));
    meta.flags |= request.for_command ? XDP_TALLY_META_RUN : 0U;
    TALLY_ASSIGN_OR_RETURN(const auto program, program_info(object.program_fd()));
    auto outcome = describe_load(request, load.interface, object, program, meta, load.directory);
    outcome.kind = plan.old_program ? OutcomeKind::kReplaced : OutcomeKind::kLoaded;
    TALLY_TRY(check_upper_devices(load, attempt, object));
    if (load.dry_run()) {
        forget_what_goes(outcome, plan, attempt);
        if (load.state.interrupted) {
            outcome.notes.emplace_back("a change was interrupted; it would be finished or discarded first");
        }
        return outcome;
    }
    TALLY_TRY(put_in_place(load, plan, attempt, object, meta, outcome));
    return outcome;
}

}  // namespace tally::loader
