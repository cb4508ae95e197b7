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

std::string describe_foreign_pins(const DeviceState& state, const std::string& directory) {
    if (state.meta_is_hidden) {
        return {};  // nobody knows whose they are
    }
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
