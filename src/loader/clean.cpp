#include <fmt/format.h>

#include "common/bpffs.h"
#include "loader/capabilities.h"
#include "loader/device_state.h"
#include "loader/pin_removal.h"
#include "loader/publication.h"
#include "loader/verbs.h"

namespace tally::loader {
namespace {

// Nothing can feed the pins any more. A link tells for itself; what netlink attached can be judged only from
// inside its network namespace.
bool nothing_feeds(const DeviceState& state) {
    if (state.link_alive() || state.our_program()) {
        return false;
    }
    if (state.meta && state.meta->attach_kind == XDP_TALLY_ATTACH_NETLINK) {
        const auto netns = current_netns_inode();
        return netns && *netns == state.meta->netns_inode;
    }
    return true;
}

}  // namespace

Result<Outcome> clean(const Options& options, const std::string& device) {
    TALLY_TRY(check_interface_name(device));
    TALLY_TRY(check_load_capabilities());
    std::optional<Interface> interface;
    if (auto found = resolve_interface(device)) {
        interface = *found;
    }
    const std::string directory = interface_directory(options.bpffs, device);
    Outcome outcome;
    outcome.dev = device;
    outcome.verb = "cleaned";
    outcome.dry_run = options.dry_run;

    std::optional<PinDirectory> pins;
    if (!options.dry_run) {
        TALLY_TRY_ASSIGN(locked, PinDirectory::lock_existing(directory));
        pins = std::move(locked);
    }
    if (pins) {
        TALLY_TRY_ASSIGN(repaired, repair(*pins, interface ? interface->ifindex : 0));
        if (!repaired.empty()) {
            outcome.notes.push_back(repaired);
        }
    }
    const auto state = inspect_device(directory, interface);
    if (!interface && !state.has_directory) {
        return resolve_interface(device).error();
    }
    const auto removable = our_pins(state, false);
    if (removable.empty() || !nothing_feeds(state)) {
        outcome.notes.push_back(removable.empty() ? "nothing to remove: no pins of ours"
                                                  : "nothing to remove: the pins are in use");
        return outcome;
    }
    if (const auto note = describe_foreign_pins(state, directory); !note.empty()) {
        outcome.notes.push_back(note);
    }
    if (!pins) {
        for (const auto& pin : removable) {
            outcome.removed.push_back(directory + '/' + pin);
        }
        return outcome;
    }
    TALLY_TRY_ASSIGN(removed, remove_our_pins(*pins, state, false));
    outcome.removed = std::move(removed);
    return outcome;
}

}  // namespace tally::loader
