// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Looking at an interface and its pin directory: fills in a DeviceState.
#pragma once

#include <optional>
#include <string>

#include "common/network/interface.h"
#include "common/pins/netns_context.h"
#include "loader/device/device_state.h"

namespace tally::loader {

// For who holds the lock of the directory; one that was cut off shows as `interrupted`. Where our program
// does not run on `interface`, it is searched for (find_program). What could not be read is told in
// `trouble`: who is about to change something must not go on then.
DeviceState inspect_device(const NetnsContext& context, const std::string& directory,
                           const std::optional<Interface>& interface);

// The same for who does not hold it, of a moment in which nothing is changed. All calls together wait for
// that for kLongestChange at most, whatever time lies between: then the state is `changing`, and that is its
// `trouble`. `directory` follows pins that are renamed meanwhile.
DeviceState inspect_unlocked(const NetnsContext& context, std::string& directory,
                             const std::optional<Interface>& interface);

// The same pins, as they are without the device that has their name.
DeviceState without_interface(DeviceState state, const NetnsContext& context);

// Whose pins a directory has: `meta`, or `staged_meta` and `interrupted` where there is none. What else is
// filled in is no whole picture.
DeviceState inspect_meta(const std::string& directory);

}  // namespace tally::loader
