// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A verb on every device that the options name, or on all that there are, in every network namespace.
#pragma once

#include "loader/options.h"

namespace tally::loader {

// Each device and each namespace succeeds or fails on its own. Tells the outcomes: the exit status.
int apply_to_devices(const Options& options);

}  // namespace tally::loader
