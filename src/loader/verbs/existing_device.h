// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The ground for taking something away from a device: locked, repaired, looked at.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/pins/netns_context.h"
#include "loader/device/device_state.h"
#include "loader/device/pin_directory.h"
#include "loader/outcome.h"
#include "loader/requests.h"

namespace tally::loader {

struct ExistingDevice {
    std::string directory;
    std::optional<PinDirectory> pins;  // none in a dry run, or where there is no directory
    DeviceState state;
    Outcome outcome;  // begun: device, directory, and a note where an interrupted change was put right
    bool repaired = false;
};

// The device itself may be gone, as long as there are pins of its name; kNotFound otherwise. Whatever could
// not be looked at is an error: half a picture is no ground for removing things.
Result<ExistingDevice> open_existing(const NetnsContext& context, const std::string& device, bool dry_run);

// Removes our pins, once `detach` has ended what counts into them; in a dry run only says what would go.
// `outcome` is told of everything, also of what is left alone.
Result<void> remove_our_pins(ExistingDevice& existing, const RemovalRequest& request,
                             const std::function<Result<void>()>& detach, Outcome& outcome);

}  // namespace tally::loader
