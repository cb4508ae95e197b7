// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a killed `xdp_loader --run` left attached, which only a dispatcher does: the kernel ends its links.
#pragma once

#include <string>

#include "common/base/result.h"
#include "loader/device/device_state.h"

namespace tally::loader {

// What was left, as the first half of a sentence; empty where there is nothing.
std::string describe_killed_run(const DeviceState& state);

// Takes the program that was left out of the dispatcher, so that its pins are those of a detached one, and
// removes what else a run leaves in `directory`, which is locked. In a dry run `state` alone is changed.
// Returns what was or would be done in words; empty where nothing is.
Result<std::string> end_killed_run(DeviceState& state, const NetnsContext& context,
                                   const std::string& directory, bool dry_run);

}  // namespace tally::loader
