// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Removing the pins that nothing uses any more.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/pins/netns_context.h"
#include "loader/outcome.h"
#include "loader/requests.h"

namespace tally::loader {

// Removes pins that no program counts into any more.
Result<Outcome> clean(const RemovalRequest& request, const NetnsContext& context, const std::string& device);

}  // namespace tally::loader
