// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Ending our program where it runs, in whatever network namespace its device is now.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/pins/netns_context.h"
#include "loader/device/device_state.h"

namespace tally::loader {

// Detaches our program where it is attached, here or at state.place; nothing where it is not. The components
// of others in its dispatcher go on. kConflict where it lives and cannot be ended, with the command that can.
Result<void> detach_ours(const NetnsContext& context, const DeviceState& state);
// The same for a program in a dispatcher, also where somebody else has the device for himself by now.
Result<void> detach_our_component(const NetnsContext& context, const DeviceState& state);

// What to type where libxdp cannot change the dispatcher that ours is in (kConflict without a hint).
std::string advise_on_stuck_dispatcher(const NetnsContext& context, const DeviceState& state);

// What the user would like to do under a name whose pins belong to another device.
enum class Wish { kLoad, kUnload };

// With Ours::kElsewhere: why that cannot be done under this name, and what can be.
Error explain_elsewhere(const std::string& what, const NetnsContext& context, const DeviceState& state,
                        const std::string& device, Wish wish);

}  // namespace tally::loader
