// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Removing the pins that nothing uses any more.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/pins/netns_context.h"
#include "loader/outcome.h"

namespace tally::loader {

// Removes pins that no program counts into any more.
Result<Outcome> clean(const NetnsContext& context, const std::string& device, bool dry_run);

}  // namespace tally::loader
