// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What becomes of the maps pinned by the load before: which go on, which are replaced.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "loader/device/device_state.h"
#include "loader/object/program_object.h"
#include "loader/options.h"

namespace tally::loader {

struct MapPlan {
    bool migrates = false;  // the new counter map starts from the old one's counts
    std::vector<std::string> notes;
};

// Before the object is loaded: with --reuse-maps and --migrate it is given the pinned maps that it can go on
// with (Map::reused), the map of marks always. kConflict lists all differences at once.
Result<MapPlan> reuse_maps(const Options& options, ProgramObject& object, const DeviceState& state,
                           const std::string& directory);

// A pin that xdp-tally did not create is never overwritten: kConflict where one of these names is taken.
Result<void> check_names_are_free(const std::vector<std::string>& pins, const DeviceState& state,
                                  const std::string& directory);
// The same for what loading the object is going to pin.
Result<void> check_pins_are_free(const ProgramObject& object, const DeviceState& state,
                                 const std::string& directory);

}  // namespace tally::loader
