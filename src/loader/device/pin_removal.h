// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Taking away what xdp-tally pinned for an interface, and nothing else.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "loader/device/device_state.h"
#include "loader/device/pin_directory.h"
#include "loader/outcome.h"

namespace tally::loader {

// Our pins by name, in the order in which they go: the link first, the metadata, which tells which maps are
// ours, last. With `keep_maps` the links alone.
std::vector<std::string> our_pins(const DeviceState& state, bool keep_maps);

struct PinRemoval {
    std::string directory;
    PinDirectory* pins = nullptr;  // none where there is no directory
    bool keep_maps = false;
    bool dry_run = false;
};

// Removes them, once `detach` has ended what counts into them; in a dry run only says what would go.
// `outcome` is told of everything, also of what is left alone.
Result<void> remove_our_pins(const DeviceState& state, const PinRemoval& removal,
                             const std::function<Result<void>()>& detach, Outcome& outcome);

// What others have pinned in the directory, as a note; empty where there is nothing of theirs.
std::string describe_foreign_pins(const DeviceState& state, const std::string& directory);

}  // namespace tally::loader
