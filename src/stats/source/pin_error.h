// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Explains why a map could not be opened.
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/pins/netns_context.h"

namespace tally::stats {

// Names the directory that the user may not enter, the mode of the pin, or the capability that an older
// kernel requires.
Error explain_pin_error(Error error, const std::string& pin);
Error explain_map_id_error(Error error);

// Nothing is pinned at `pin`. Of a device, the hint is how its packets get counted: by a program of ours only
// where no program would have to give way to it.
Error explain_missing_pin(const std::optional<std::string>& device, const NetnsContext& context,
                          const std::string& pin);

}  // namespace tally::stats
