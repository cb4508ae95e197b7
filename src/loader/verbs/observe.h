// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Counting what a program does that somebody else attached.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/pins/netns_context.h"
#include "loader/outcome.h"
#include "loader/requests.h"

namespace tally::loader {

// Counts the verdicts of the program that somebody else attached, and, where it is a dispatcher, of each of
// its components. All or nothing, as with a load.
Result<Outcome> observe(const ObserveRequest& request, NetnsContext& context, const std::string& device);

// With the outcome of observe(): stays, observes each replacement of the program, and reports that and its
// own outcome, until SIGINT or SIGTERM, an unload, or the end of the interface. The exit status.
int follow_observation(const NetnsContext& context, const Outcome& observed,
                       const std::function<void(const Outcome&)>& report);

}  // namespace tally::loader
