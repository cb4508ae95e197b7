// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/map_reuse.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include <xdp_tally/abi.h>

#include "common/base/shell_word.h"
#include "common/pins/bpffs.h"
#include "loader/change/map_compatibility.h"

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

std::string free_names(const std::vector<std::string>& pins) {
    return fmt::format("--bpffs DIR pins elsewhere; if nobody needs what is there, `rm {}`",
                       fmt::join(pins, " "));
}

// Whether --reuse-maps would take the pinned map.
bool fits(const ProgramObject& object, const MapPin& pinned) {
    const auto& maps = object.maps();
    const auto map = std::find_if(maps.begin(), maps.end(),
                                  [&](const auto& each) { return each.pin_name == pinned.pin_name; });
    return map != maps.end() && map->reusable && map->name != XDP_TALLY_MARK_NAME &&
           compare_layouts(layout_of(pinned.info), object.layout(*map)).empty();
}

Result<void> check_new_maps(const LoadRequest& request, const ProgramObject& object) {
    std::vector<std::string> names;
    for (const auto& map : object.maps()) {
        names.push_back(map.name);
    }
    for (const auto& name : request.new_maps) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            return make_error(ErrorKind::kNotFound, fmt::format("starting map '{}' empty", name),
                              "the object has no map of that name")
                .with_hint(fmt::format("--new-map takes one of: {}", fmt::join(names, ", ")));
        }
    }
    return {};
}

}  // namespace

Result<void> reuse_maps(const LoadRequest& request, ProgramObject& object, const DeviceState& state,
                        const std::string& directory) {
    TALLY_TRY(check_new_maps(request, object));
    std::string differences;
    std::vector<std::string> fresh = request.new_maps;
    std::vector<std::string> of_others;
    for (auto& map : object.maps()) {
        const bool kept =
            request.reuse_maps && std::find(fresh.begin(), fresh.end(), map.name) == fresh.end();
        // The marks are what the generations share.
        const bool wanted = kept || map.name == XDP_TALLY_MARK_NAME;
        const MapPin* pinned = wanted && map.reusable ? state.find_map(map.pin_name) : nullptr;
        if (pinned == nullptr || (map.name == XDP_TALLY_MARK_NAME && !state.owns(*pinned))) {
            continue;
        }
        const auto lines = compare_layouts(layout_of(pinned->info), object.layout(map));
        if (lines.empty()) {
            TALLY_TRY(reuse_map(object, map, directory + '/' + map.pin_name));
            map.adopted = !state.owns(*pinned);
        } else {
            differences += fmt::format("{}: {}\n", map.name, fmt::join(lines, "\n" + map.name + ": "));
            if (state.owns(*pinned)) {
                fresh.push_back(map.name);
            } else {
                of_others.push_back(shell_word(fmt::format("{}/{}", directory, map.pin_name)));
            }
        }
    }
    if (differences.empty()) {
        return {};
    }
    std::string options;
    for (const auto& name : fresh) {
        options += ' ' + shell_option("--new-map", name);
    }
    return make_error(ErrorKind::kConflict, fmt::format("reusing the maps pinned in {}", directory),
                      "the layouts differ")
        .with_details(std::move(differences))
        .with_hint(
            of_others.empty()
                ? fmt::format(
                      "`--reuse-maps{}` starts what it names empty and keeps the other maps; totals are "
                      "carried across maps",
                      options)
                : free_names(of_others));
}

Result<void> check_names_are_free(const std::vector<std::string>& pins, const DeviceState& state,
                                  const std::string& directory, const ProgramObject* object,
                                  bool reuses_maps) {
    for (const auto& pin : pins) {
        const MapPin* map = state.find_map(pin);
        const bool other =
            std::find(state.other_pins.begin(), state.other_pins.end(), pin) != state.other_pins.end();
        if (other || (map != nullptr && !state.owns(*map))) {
            const bool adoptable = map != nullptr && object != nullptr && fits(*object, *map);
            const std::string kind = map != nullptr ? fmt::format("a map (id {})", map->info.id)
                                                    : std::string("a link, a program or a directory");
            return make_error(ErrorKind::kConflict, fmt::format("pinning {}/{}", directory, pin),
                              fmt::format("the name is taken by {}, which xdp_loader did not pin", kind))
                .with_hint(fmt::format("{}{}{}", adoptable && reuses_maps ? "without --new-map " : "",
                                       adoptable ? "--reuse-maps uses it, and leaves its pin alone; " : "",
                                       free_names({shell_word(fmt::format("{}/{}", directory, pin))})));
        }
    }
    return {};
}

Result<void> check_pins_are_free(const ProgramObject& object, const DeviceState& state,
                                 const std::string& directory, bool reuses_maps) {
    std::vector<std::string> wanted = {XDP_TALLY_META_NAME, XDP_TALLY_LINK_NAME};
    for (const auto& map : object.maps()) {
        if (!map.reused) {
            wanted.push_back(map.pin_name);
        }
    }
    return check_names_are_free(wanted, state, directory, &object, reuses_maps);
}

}  // namespace tally::loader
