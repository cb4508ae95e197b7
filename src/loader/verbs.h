// What xdp_loader can do to one device. Each function is one recipe, readable from top to bottom.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/place.h"
#include "common/result.h"
#include "loader/options.h"
#include "loader/outcome.h"

namespace tally::loader {

// To be called before loads, which may go on in several threads: mounts a BPF file system on the default root
// where there is none, which changes `place` and the environment of libxdp. Does nothing where no load gets
// that far. What was done in words, for the first outcome; empty where nothing was, or could be: a load says
// why.
std::string mount_for_loads(const Options& options, Place& place);

// Attaches, or replaces what an earlier run attached. Either everything is in place afterwards, or nothing
// has changed.
Result<Outcome> load(const Options& options, Place& place, const std::string& device);

// Counts the verdicts of the program that somebody else attached, and, where it is a dispatcher, of each of
// its components. All or nothing, as with a load.
Result<Outcome> observe(const Options& options, Place& place, const std::string& device);

// Detaches our program (or the one with options.unload_id) and removes our pins. kConflict where a --run
// holds them. `run_program`: a --run ends that had attached this program; kNotFound where another load has
// come since.
Result<Outcome> unload(const Options& options, const Place& place, const std::string& device,
                       std::optional<std::uint32_t> run_program = std::nullopt);

// Needs no privilege for what the pins' modes let everybody read.
Result<Outcome> status(const Place& place, const std::string& device);

// Removes pins that nothing feeds any more.
Result<Outcome> clean(const Options& options, const Place& place, const std::string& device);

// The devices of one place that --status and --clean mean without --dev: interfaces with a program, and pin
// directories.
Result<std::vector<std::string>> known_devices(const Options& options, const Place& place);
// The other network namespaces that have, or had, pins below the root.
Result<std::vector<std::string>> known_namespaces(const Place& place);

}  // namespace tally::loader
