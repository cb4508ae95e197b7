#include "loader/existing_device.h"

#include "loader/capabilities.h"
#include "loader/publication.h"

namespace tally::loader {

Result<ExistingDevice> open_existing(const Options& options, const Place& place, const std::string& device) {
    TALLY_TRY_ASSIGN(located, place.locate(device));
    const auto& interface = located.interface;
    TALLY_TRY(check_load_capabilities());
    ExistingDevice existing;
    if (!options.dry_run) {
        TALLY_TRY_ASSIGN(pins, interface ? lock_existing_pins_of(place, *interface)
                                         : PinDirectory::lock_existing(located.directory));
        existing.pins = std::move(pins);
    }
    existing.outcome.dev = located.name;
    existing.directory = existing.pins ? existing.pins->path() : located.directory;
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
