// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What libxdp keeps of a dispatcher of ours that somebody else took off the hook, or whose interface is gone:
// its programs stay loaded, because their pins do.
#pragma once

#include <optional>

#include "common/base/result.h"
#include "loader/device/device_state.h"
#include "loader/hook/dispatcher_pins.h"
#include "loader/outcome.h"

namespace tally::loader {

struct Leftover {
    ComponentPins pins;
    // It is attached nowhere, as far as could be looked, and nobody else's program is in it.
    bool removable = false;
};

// Where our program runs in no dispatcher any more; none where libxdp has no such pins.
Result<std::optional<Leftover>> find_leftover(const DeviceState& state);
// Removes it, or says which command does. `outcome` is told.
Result<void> remove_leftover(const std::optional<Leftover>& leftover, bool dry_run, Outcome& outcome);

}  // namespace tally::loader
