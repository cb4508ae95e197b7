// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Attaching a program, or replacing what an earlier load attached.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/pins/netns_context.h"
#include "loader/outcome.h"
#include "loader/requests.h"

namespace tally::loader {

// To be called before loads, which may go on in several threads: mounts a BPF file system on the default root
// where there is none, which changes `context` and the environment of libxdp. Does nothing where no load of
// these devices gets that far. What was done in words, for the first outcome; empty where nothing was, or
// could be: a load says why.
std::string mount_for_loads(const std::vector<std::string>& devices, NetnsContext& context);

// What a --run keeps of a load.
struct RunHold {
    std::uint32_t ifindex = 0;
    UniqueFd lock;  // others leave the device alone as long as it is held
    UniqueFd link;  // keeps the program attached, and is pinned nowhere; none in a dispatcher
};

// Attaches, or replaces what an earlier load attached. Either everything is in place afterwards, or nothing
// has changed. `hold` is given where request.for_command is set, but for a dry run.
Result<Outcome> load(const LoadRequest& request, NetnsContext& context, const std::string& device,
                     RunHold* hold = nullptr);

}  // namespace tally::loader
