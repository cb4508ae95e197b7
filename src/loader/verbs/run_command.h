// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// xdp_loader --run: programs that are attached for as long as a command runs.
#pragma once

#include <functional>

#include "common/base/unique_fd.h"
#include "common/pins/netns_context.h"
#include "loader/options.h"
#include "loader/outcome.h"

namespace tally::loader {

// Loads on all devices, runs options.command, and unloads however that ends; the exit status is the
// command's, or that of the first device where loading failed (the command is not run then), or of an unload
// that did.
//
// The links are not left pinned: this process alone holds them, so the kernel detaches the programs when it
// ends in any way. A guardian process then removes the maps' pins. `home` is the network namespace of the
// command.
int run_command_loaded(const Options& options, NetnsContext& context, const UniqueFd& home,
                       const std::function<void(const Outcome&)>& report);

}  // namespace tally::loader
