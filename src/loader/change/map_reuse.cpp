// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/map_reuse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/bpf.h>

#include <algorithm>

#include <xdp_tally/abi.h>

#include "common/pins/bpffs.h"
#include "loader/change/map_compatibility.h"
#include "loader/change/migration.h"

namespace tally::loader {
namespace {

Result<void> reuse_map(ProgramObject& object, ProgramObject::Map& map, const std::string& path) {
    auto fd = open_map_pin(path, false);
    if (!fd && fd.error().kind == ErrorKind::kPermission) {
        fd = open_map_pin(path, true);  // 0444: its owner without CAP_DAC_OVERRIDE
    }
    if (!fd) {
        return fd.error();
    }
    return object.reuse(map, fd->get());
}

}  // namespace

Result<MapPlan> reuse_maps(const Options& options, ProgramObject& object, const DeviceState& state,
                           const std::string& directory) {
    MapPlan plan;
    std::string differences;
    for (auto& map : object.maps()) {
        // The marks are what the generations share.
        const bool wanted = options.reuse_maps || map.name == XDP_TALLY_MARK_NAME;
        const MapPin* pinned = wanted && map.reusable ? state.find_map(map.pin_name) : nullptr;
        if (pinned == nullptr || (map.name == XDP_TALLY_MARK_NAME && !state.owns(*pinned))) {
            continue;
        }
        const auto old_layout = layout_of(pinned->info);
        const auto new_layout = object.layout(map);
        const auto lines = compare_layouts(old_layout, new_layout);
        if (lines.empty()) {
            TALLY_TRY(reuse_map(object, map, directory + '/' + map.pin_name));
        } else {
            differences += fmt::format("{}: {}\n", map.name, fmt::join(lines, "\n" + map.name + ": "));
        }
    }
    if (differences.empty()) {
        return plan;
    }
    auto error = make_error(ErrorKind::kConflict, fmt::format("reusing the maps pinned in {}", directory),
                            "their layout is another");
    error.details = std::move(differences);
    error.hint = "`--reuse-maps --new-map NAME` starts that map empty and keeps the others";
    return error;
}

Result<void> check_names_are_free(const std::vector<std::string>& pins, const DeviceState& state,
                                  const std::string& directory) {
    for (const auto& pin : pins) {
        const MapPin* map = state.find_map(pin);
        const bool other =
            std::find(state.other_pins.begin(), state.other_pins.end(), pin) != state.other_pins.end();
        if (other || (map != nullptr && !state.owns(*map))) {
            const std::string kind = map != nullptr ? fmt::format("a map (id {})", map->info.id)
                                                    : std::string("something that is not a map");
            return make_error(ErrorKind::kConflict, fmt::format("pinning {}/{}", directory, pin),
                              fmt::format("the name is taken by {} that xdp_loader did not pin", kind))
                .with_hint(fmt::format("if nobody needs it, `rm {}/{}`; or --bpffs DIR for another place",
                                       directory, pin));
        }
    }
    return {};
}

Result<void> check_pins_are_free(const ProgramObject& object, const DeviceState& state,
                                 const std::string& directory) {
    std::vector<std::string> wanted = {XDP_TALLY_META_NAME, XDP_TALLY_LINK_NAME};
    for (const auto& map : object.maps()) {
        if (!map.reused) {
            wanted.push_back(map.pin_name);
        }
    }
    return check_names_are_free(wanted, state, directory);
}

}  // namespace tally::loader
