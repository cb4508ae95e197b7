// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/existing_device.h"

#include "loader/change/killed_run.h"
#include "loader/change/recovery.h"
#include "loader/device/device_inspection.h"
#include "loader/hook/capabilities.h"

namespace tally::loader {

Result<ExistingDevice> open_existing(const NetnsContext& context, const std::string& device, bool dry_run) {
    TALLY_ASSIGN_OR_RETURN(auto located, context.locate(device));
    const auto& interface = located.interface;
    TALLY_TRY(check_load_capabilities());
    ExistingDevice existing;
    if (!dry_run) {
        TALLY_ASSIGN_OR_RETURN(auto pins,
                               interface ? lock_existing_pins_of(context, *interface, located.directory)
                                         : PinDirectory::lock_existing(located.directory));
        existing.pins = std::move(pins);
    }
    existing.outcome.dev = located.name;
    existing.directory = existing.pins ? existing.pins->path() : located.directory;
    if (existing.pins) {
        TALLY_ASSIGN_OR_RETURN(auto repaired, repair(*existing.pins, context));
        existing.repaired = !repaired.empty();
        if (existing.repaired) {
            existing.outcome.notes.push_back(repaired);
        }
    }
    existing.state = inspect_device(context, existing.directory, interface);
    if (existing.state.trouble) {
        return *existing.state.trouble;
    }
    if (!interface && !existing.state.has_directory) {
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

}  // namespace tally::loader
