// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// One attempt of a load: the program in one variant, put on the hook in one way and one mode, with all its
// pins; or nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/network/interface.h"
#include "common/pins/netns_context.h"
#include "loader/change/attach_plan.h"
#include "loader/change/delivery_base.h"
#include "loader/device/device_inspection.h"
#include "loader/device/device_state.h"
#include "loader/device/pin_directory.h"
#include "loader/outcome.h"
#include "loader/requests.h"

namespace tally::loader {

// What a --run keeps of a load.
struct RunHold {
    std::uint32_t ifindex = 0;
    UniqueFd lock;  // others leave the device alone as long as it is held
    UniqueFd link;  // keeps the program attached, and is pinned nowhere; none in a dispatcher
};

// What one load of one device works on, in all its attempts.
struct LoadContext {
    const LoadRequest& request;
    const NetnsContext& netns;
    RunHold* hold;
    Interface interface;
    std::string directory;             // of the pins
    std::optional<PinDirectory> pins;  // locked; none in a dry run
    DeviceState state;
    std::optional<DeliveryReading> delivery;  // right before the latest attempt to attach
    bool attached = false;  // the kernel took the program: another attempt would do no better

    bool dry_run() const { return !pins; }
    void look_again() {
        state = pins ? inspect_device(netns, directory, interface)
                     : inspect_unlocked(netns, directory, interface);
    }
};

// Steps 4 to 12 of a load (docs/architecture.md); a dry run stops where the first change would be made. After
// an error everything is as it was, unless its hint says what is left for the next command. What is staged
// goes with `load.pins`, or by a repair before the next attempt.
Result<Outcome> try_load(LoadContext& load, const AttachPlan& plan, const Attempt& attempt);

}  // namespace tally::loader
