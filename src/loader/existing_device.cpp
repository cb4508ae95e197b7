#include "loader/existing_device.h"

#include "loader/capabilities.h"
#include "loader/publication.h"

namespace tally::loader {
namespace {

// Those of an interface that was renamed may move while the lock is waited for: then `located` does, too.
Result<std::optional<PinDirectory>> lock_pins(const Place& place, const std::string& device,
                                              Place::Located& located) {
    for (;;) {
        TALLY_TRY_ASSIGN(pins, PinDirectory::lock_existing(located.directory));
        TALLY_TRY_ASSIGN(now, place.locate(device));
        if (now.directory == located.directory) {
            return pins;
        }
        located = std::move(now);
    }
}

}  // namespace

Result<ExistingDevice> open_existing(const Options& options, const Place& place, const std::string& device) {
    TALLY_TRY_ASSIGN(located, place.locate(device));
    TALLY_TRY(check_load_capabilities());
    ExistingDevice existing;
    if (!options.dry_run) {
        TALLY_TRY_ASSIGN(pins, lock_pins(place, device, located));
        existing.pins = std::move(pins);
    }
    const auto& interface = located.interface;
    existing.outcome.dev = located.name;
    existing.directory = located.directory;
    if (existing.pins) {
        TALLY_TRY_ASSIGN(repaired, repair(*existing.pins, interface ? interface->ifindex : 0));
        existing.repaired = !repaired.empty();
        if (existing.repaired) {
            existing.outcome.notes.push_back(repaired);
        }
    }
    existing.state = inspect_device(existing.directory, interface);
    if (existing.state.renamed) {
        existing.state = inspect_device(existing.directory, existing.state.renamed);
    }
    if (existing.state.trouble) {
        return *existing.state.trouble;
    }
    if (!interface && !existing.state.has_directory) {
        return place.explain_missing(device);
    }
    return existing;
}

}  // namespace tally::loader
