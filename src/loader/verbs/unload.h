// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Detaching our program and removing our pins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/pins/netns_context.h"
#include "loader/options.h"
#include "loader/outcome.h"

namespace tally::loader {

// Detaches our program (or the one with options.unload_id) and removes our pins. kConflict where a --run
// holds them. `run_program`: a --run ends that had attached this program; kNotFound where another load has
// come since.
Result<Outcome> unload(const Options& options, const NetnsContext& context, const std::string& device,
                       std::optional<std::uint32_t> run_program = std::nullopt);

}  // namespace tally::loader
