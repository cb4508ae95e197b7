// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/existing_device.h"

#include "loader/change/dispatcher_leftover.h"
#include "loader/change/killed_run.h"
#include "loader/change/recovery.h"
#include "loader/device/device_inspection.h"
#include "loader/device/pin_removal.h"
#include "loader/hook/capabilities.h"
#include "loader/observe/follow.h"

namespace tally::loader {
namespace {

Result<void> look_at_locked(const NetnsContext& context, const std::optional<Interface>& interface,
                            PinDirectory pins, ExistingDevice& existing) {
    existing.directory = pins.path();
    TALLY_ASSIGN_OR_RETURN(auto repaired, repair(pins, context));
    existing.repaired = !repaired.empty();
    if (existing.repaired) {
        existing.outcome.notes.push_back(std::move(repaired));
    }
    existing.state = inspect_device(context, existing.directory, interface);
    existing.pins = std::move(pins);
    return {};
}

Result<void> lock_and_look(const NetnsContext& context, const std::optional<Interface>& interface,
                           ExistingDevice& existing) {
    for (;;) {
        TALLY_ASSIGN_OR_RETURN(auto pins,
                               interface ? lock_existing_pins_of(context, *interface, existing.directory)
                                         : PinDirectory::lock_existing(existing.directory));
        if (pins) {
            return look_at_locked(context, interface, std::move(*pins), existing);
        }
        existing.state = inspect_unlocked(context, existing.directory, interface);
        // Else a load has come in between, whose pins nobody takes away without the lock.
        if (!existing.state.has_directory || existing.state.trouble) {
            return {};
        }
    }
}

}  // namespace

Result<ExistingDevice> open_existing(const NetnsContext& context, const std::string& device, bool dry_run) {
    TALLY_ASSIGN_OR_RETURN(auto located, context.locate(device));
    const auto& interface = located.interface;
    TALLY_TRY(check_load_capabilities());
    ExistingDevice existing;
    existing.outcome.dev = located.name;
    existing.directory = located.directory;
    if (dry_run) {
        existing.state = inspect_unlocked(context, existing.directory, interface);
    } else {
        TALLY_TRY(lock_and_look(context, interface, existing));
    }
    if (existing.state.trouble) {
        return *existing.state.trouble;
    }
    if (!interface && (!existing.state.has_directory || existing.state.has_only_pins_of_others())) {
        return context.explain_missing(device);
    }
    TALLY_ASSIGN_OR_RETURN(const auto restored,
                           restore_meta(existing.pins ? &*existing.pins : nullptr, context, existing.state));
    add_note(existing.outcome, restored);
    TALLY_ASSIGN_OR_RETURN(auto ended, end_killed_run(existing.state, context, existing.directory, dry_run));
    if (!ended.empty()) {
        existing.repaired = true;
        existing.outcome.notes.push_back(std::move(ended));
    }
    return existing;
}

Result<void> remove_our_pins(ExistingDevice& existing, const RemovalRequest& request,
                             const std::function<Result<void>()>& detach, Outcome& outcome) {
    TALLY_ASSIGN_OR_RETURN(const auto leftover, find_leftover(existing.state));
    // Before the meta goes, without which nobody knows that libxdp's pins are of a program of ours.
    TALLY_TRY(remove_leftover(leftover, request.dry_run, outcome));
    add_note(outcome, describe_foreign_pins(existing.state, existing.directory));
    // Before the pins go: nothing counts into a map that nobody can read any more.
    TALLY_TRY(request.dry_run ? Result<void>() : detach());
    if (!request.dry_run && !existing.pins) {
        return {};
    }
    for (const auto& pin : our_pins(existing.state, request.keep_maps)) {
        TALLY_TRY(request.dry_run ? Result<void>() : existing.pins->remove(pin));
        outcome.removed.push_back(existing.directory + '/' + pin);
    }
    if (existing.pins) {
        remove_follower_lock(existing.directory);
    }
    return {};
}

}  // namespace tally::loader
