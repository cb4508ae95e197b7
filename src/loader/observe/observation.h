// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Counting what somebody else's program, or each program behind a dispatcher, does with packets: which
// programs to observe, and the pins that keep the observers in the kernel.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/network/interface.h"
#include "common/pins/meta.h"
#include "loader/change/publication.h"
#include "loader/device/device_state.h"
#include "loader/device/pin_directory.h"

namespace tally::loader {

// What there is to observe on a hook.
struct Target {
    HookProgram program;  // on the hook
    // Whose return value is the hook's verdict. libxdp puts a single component right in the dispatcher's
    // place, where nothing else can be attached to the dispatcher: then it is the component's.
    std::uint32_t verdict_program = 0;
    std::vector<Component> components;  // in the order they run; none where it is no dispatcher
};

// kNotFound where nothing is attached, kConflict where it runs in the network card. `option` is how the
// user's next command names the interface.
Result<Target> find_target(const Interface& interface, const XdpHook& hook, const std::string& option);

// What the pins of an interface observe, once renew_observation is through.
struct Observation {
    Meta meta;
    PublicationReport report;  // nothing in it where all was as it should be
};

// Makes the pins observe the target: what observes the right program already stays as it is, so a component
// goes on being counted while others come and go around it. The counter maps that are pinned go on, too.
// Either everything is in place afterwards, or nothing has changed. `pins` is none in a dry run, which ends
// where the first change would be made; `directory` is where they are, or would be.
Result<Observation> renew_observation(PinDirectory* pins, const std::string& directory,
                                      const Interface& interface, const DeviceState& state,
                                      const Target& target);

}  // namespace tally::loader
