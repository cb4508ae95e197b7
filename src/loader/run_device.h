// One verb on one device, whatever comes of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/place.h"
#include "loader/options.h"
#include "loader/outcome.h"

namespace tally::loader {

// A device that is named twice, or by an alternative name as well, is worked on once, under its own name.
std::vector<std::string> without_repetitions(const std::vector<std::string>& devices, const Place& place);

// What options.verb asks for. Each device succeeds or fails on its own: a failure is an outcome, too.
Outcome run_device(const Options& options, Place& place, const std::string& device);

// Unloads the program that a --run has held until now; a failure where another one has taken its place.
Outcome end_run(const Options& options, Place& place, const std::string& device, std::uint32_t program_id);

}  // namespace tally::loader
