// What xdp_loader can do to one device. Each function is one recipe, readable from top to bottom.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "loader/options.h"
#include "loader/outcome.h"

namespace tally::loader {

// Attaches, or replaces what an earlier run attached. Either everything is in place afterwards, or nothing
// has changed.
Result<Outcome> load(const Options& options, const std::string& device);

// Detaches our program (or the one with options.unload_id) and removes our pins.
Result<Outcome> unload(const Options& options, const std::string& device);

// Needs no privilege for what the pins' modes let everybody read.
Result<Outcome> status(const Options& options, const std::string& device);

// Removes pins that nothing feeds any more.
Result<Outcome> clean(const Options& options, const std::string& device);

// The devices that --status and --clean mean without --dev: interfaces with a program, and pin directories.
Result<std::vector<std::string>> known_devices(const Options& options);

}  // namespace tally::loader
