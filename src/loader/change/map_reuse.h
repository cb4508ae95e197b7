// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What becomes of the maps pinned by the load before: which go on, which are replaced.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "loader/device/device_state.h"
#include "loader/object/program_object.h"
#include "loader/requests.h"

namespace tally::loader {

// Before the object is loaded: with request.reuse_maps it is given the pinned maps that it can go on with
// (Map::reused), but for those of request.new_maps; the map of generation marks always. kConflict lists all
// differences at once; kNotFound for a new map that the object does not have.
Result<void> reuse_maps(const LoadRequest& request, ProgramObject& object, const DeviceState& state,
                        const std::string& directory);

// A pin that xdp-tally did not create is never overwritten: kConflict where one of these names is taken. An
// object that is going to be loaded could take a map that fits by --reuse-maps; where that is given
// (`reuses_maps`), --new-map forbade it.
Result<void> check_names_are_free(const std::vector<std::string>& pins, const DeviceState& state,
                                  const std::string& directory, const ProgramObject* object = nullptr,
                                  bool reuses_maps = false);
// The same for what loading the object is going to pin.
Result<void> check_pins_are_free(const ProgramObject& object, const DeviceState& state,
                                 const std::string& directory, bool reuses_maps);

}  // namespace tally::loader
