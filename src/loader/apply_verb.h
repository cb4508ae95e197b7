// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// One verb on one device or on many, whatever comes of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/pins/device_option.h"
#include "common/pins/netns_context.h"
#include "loader/options.h"
#include "loader/outcome.h"

namespace tally::loader {

// A device that is named twice, or by an alternative name as well, is worked on once, under its own name.
DeviceGroup without_repetitions(const DeviceGroup& group, const NetnsContext& context);

// What options.verb asks for. Each device succeeds or fails on its own: a failure is an outcome, too.
Outcome apply_verb(const Options& options, NetnsContext& context, const std::string& device);

using DeviceWork = std::function<Outcome(const std::string& device)>;

// Works on up to 16 devices at a time, each in a thread: most of a load or unload is waiting for the kernel,
// and some of that overlaps. The first one is worked on alone, as it may make a directory for all. `done`
// gets the outcomes in this thread, in the order of the devices.
void work_on_each(const std::vector<std::string>& devices, const DeviceWork& work,
                  const std::function<void(Outcome)>& done);

}  // namespace tally::loader
