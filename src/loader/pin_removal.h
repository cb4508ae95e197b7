// Taking away what xdp-tally pinned for an interface, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "loader/device_state.h"
#include "loader/pin_directory.h"

namespace tally::loader {

// Our pins by name, in the order in which they go: the link first, the metadata, which tells which maps are
// ours, last. With `keep_maps` the links alone.
std::vector<std::string> our_pins(const DeviceState& state, bool keep_maps);

// Removes them; returns their paths.
Result<std::vector<std::string>> remove_our_pins(PinDirectory& directory, const DeviceState& state,
                                                 bool keep_maps);

// What others have pinned in the directory, as a note; empty where there is nothing of theirs.
std::string describe_foreign_pins(const DeviceState& state, const std::string& directory);

// What libxdp has kept of a component whose interface is gone, as a note; empty where there is no such thing.
std::string describe_libxdp_pins(const DeviceState& state);

}  // namespace tally::loader
