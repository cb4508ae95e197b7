// The same work on many devices.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "loader/outcome.h"

namespace tally::loader {

using DeviceWork = std::function<Outcome(const std::string& device)>;

// Works on up to 16 devices at a time, each in a thread: most of a load or unload is waiting for the kernel,
// and some of that overlaps. The first one is worked on alone, as it may make a directory for all. `done`
// gets the outcomes in this thread, in the order of the devices.
void work_on_each(const std::vector<std::string>& devices, const DeviceWork& work,
                  const std::function<void(Outcome)>& done);

}  // namespace tally::loader
