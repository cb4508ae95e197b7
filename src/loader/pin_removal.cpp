#include "loader/pin_removal.h"

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
    if (state.meta) {
        pins.emplace_back(XDP_TALLY_META_NAME);
    }
    return pins;
}

Result<std::vector<std::string>> remove_our_pins(PinDirectory& directory, const DeviceState& state,
                                                 bool keep_maps) {
    std::vector<std::string> removed;
    for (const auto& pin : our_pins(state, keep_maps)) {
        TALLY_TRY(directory.remove(pin));
        removed.push_back(directory.path() + '/' + pin);
    }
    return removed;
}

std::string describe_foreign_pins(const DeviceState& state, const std::string& directory) {
    std::vector<std::string> names = state.other_pins;
    for (const auto& map : state.maps) {
        if (!state.owns(map)) {
            names.push_back(map.pin_name);
        }
    }
    return names.empty() ? std::string()
                         : fmt::format("not ours, left alone in {}: {}", directory, fmt::join(names, ", "));
}

std::string describe_libxdp_pins(const DeviceState& state) {
    const bool component = state.meta && state.meta->attach_kind == XDP_TALLY_ATTACH_DISPATCHER;
    return component && !state.interface ? "libxdp still has the programs of the interface pinned; "
                                           "`xdp-loader clean` removes them"
                                         : std::string();
}

}  // namespace tally::loader
