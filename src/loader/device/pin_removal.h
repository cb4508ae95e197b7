// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which of an interface's pins are xdp-tally's, and which are not.
#pragma once

#include <string>
#include <vector>

#include "loader/device/device_state.h"

namespace tally::loader {

// Our pins by name, in the order in which they go: the link first, the meta, which tells which maps are
// ours, last. With `keep_maps` the links alone.
std::vector<std::string> our_pins(const DeviceState& state, bool keep_maps);

// What others have pinned in the directory, as a note; empty where there is nothing of theirs.
std::string describe_foreign_pins(const DeviceState& state, const std::string& directory);

}  // namespace tally::loader
