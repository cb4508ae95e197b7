// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/pin_removal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tally::loader {

std::vector<std::string> our_pins(const DeviceState& state, bool keep_maps) {
    std::vector<std::string> pins;
    if (state.link) {
        pins.emplace_back(XDP_TALLY_LINK_NAME);
    }
    if (state.meta) {
        pins.insert(pins.end(), state.component_links.begin(), state.component_links.end());
    }
    if (keep_maps) {
        return pins;
    }
    for (const auto& map : state.maps) {
        if (state.owns(map)) {
            pins.push_back(map.pin_name);
        }
    }
    if (state.meta && !state.meta_is_missing) {
        pins.emplace_back(XDP_TALLY_META_NAME);
    }
    return pins;
}

Result<void> remove_our_pins(const DeviceState& state, const PinRemoval& removal,
                             const std::function<Result<void>()>& detach, Outcome& outcome) {
    add_note(outcome, describe_foreign_pins(state, removal.directory));
    const auto pins = our_pins(state, removal.keep_maps);
    if (removal.dry_run) {
        for (const auto& pin : pins) {
            outcome.removed.push_back(removal.directory + '/' + pin);
        }
        return {};
    }
    // Before the pins go: nothing counts into a map that nobody can read any more.
    TALLY_TRY(detach());
    if (removal.pins == nullptr) {
        return {};
    }
    for (const auto& pin : pins) {
        TALLY_TRY(removal.pins->remove(pin));
        outcome.removed.push_back(removal.directory + '/' + pin);
    }
    return {};
}

std::string describe_foreign_pins(const DeviceState& state, const std::string& directory) {
    std::vector<std::string> names = state.other_pins;
    for (const auto& map : state.maps) {
        if (!state.owns(map)) {
            names.push_back(map.pin_name);
        }
    }
    return names.empty()
               ? std::string()
               : fmt::format("not pinned by xdp_loader, left in {}: {}", directory, fmt::join(names, ", "));
}

}  // namespace tally::loader
