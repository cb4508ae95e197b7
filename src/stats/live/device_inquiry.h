// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Asks the kernel and bpffs what the pages show beside the samples.
#pragma once

#include "stats/live/model/device_facts.h"
#include "stats/source/reader.h"

namespace tally::stats {

// What cannot be learned, as it takes a privilege or the device is gone, is left out.
DeviceFacts inquire(const Reader& reader);

}  // namespace tally::stats
