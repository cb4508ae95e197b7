// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Detaching our program and removing our pins.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/pins/netns_context.h"
#include "loader/outcome.h"
#include "loader/requests.h"

namespace tally::loader {

// Detaches our program (or the one with request.program_id) and removes our pins. kConflict where a --run
// holds them.
Result<Outcome> unload(const RemovalRequest& request, const NetnsContext& context, const std::string& device);

}  // namespace tally::loader
