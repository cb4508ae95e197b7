// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The load verb: attaches a program, or replaces what an earlier load attached. Tries one way after another
// until the kernel takes one.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/pins/netns_context.h"
#include "loader/outcome.h"
#include "loader/requests.h"
#include "loader/verbs/load_attempt.h"

namespace tally::loader {

// To be called before loads, which may go on in several threads: mounts a BPF file system on the default root
// where there is none, which changes `context` and the environment of libxdp. Does nothing where no load of
// these devices gets that far, and where none can be mounted: a load says why.
void mount_for_loads(const std::vector<std::string>& devices, NetnsContext& context);

// Attaches, or replaces what an earlier load attached. Either everything is in place afterwards, or nothing
// has changed. `hold` is given where request.for_command is set, but for a dry run.
Result<Outcome> load(const LoadRequest& request, NetnsContext& context, const std::string& device,
                     RunHold* hold = nullptr);

}  // namespace tally::loader
