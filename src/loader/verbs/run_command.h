// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// xdp_loader --run: programs that are attached for as long as a command runs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/pins/netns_context.h"
#include "loader/outcome.h"
#include "loader/requests.h"

namespace tally::loader {

struct RunRequest {
    LoadRequest load;
    std::vector<std::string> devices;  // each once
    std::vector<std::string> command;
    bool keep_maps = false;
};

// Loads on all devices, runs the command in the network namespace `home`, and unloads however that ends. The
// exit status is the command's, or that of the first device where loading failed (the command is not run
// then), or of an unload that did.
//
// The links are pinned nowhere: this process alone holds them, so the kernel detaches the programs when it
// ends in any way. If it is killed, the maps' pins stay, and what it has added to a dispatcher: the next
// load, --unload or --clean ends that (killed_run.h).
int run_command_loaded(const RunRequest& request, NetnsContext& context, const UniqueFd& home,
                       const std::function<void(const Outcome&)>& report);

}  // namespace tally::loader
