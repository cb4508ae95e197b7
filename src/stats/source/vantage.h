// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A network namespace, as a run sees it: where its devices' pins are, and whom to ask about its devices.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/kernel/link_socket.h"
#include "common/pins/netns_context.h"

namespace tally::stats {

struct Vantage {
    NetnsContext context;
    std::uint64_t inode = 0;          // of the namespace that `links` looks at
    std::optional<LinkSocket> links;  // none: its devices cannot be asked about
};

// From where the calling thread is. `place` is where it went to.
Result<Vantage> look_from_here(NetnsContext context);

// A look at the namespace that bpffs calls so (Place::netns), from somewhere else: the calling thread goes
// there for a moment, which takes CAP_SYS_ADMIN. Without `links` where it cannot, or where there is none of
// that name. An error only where it cannot come back.
Result<Vantage> look_from_afar(const std::string& netns, const NetnsContext& own);

// The inode of the namespace that has the name now; 0 where that cannot be told.
std::uint64_t inode_of_netns(const std::string& netns);

}  // namespace tally::stats
