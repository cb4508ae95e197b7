// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/generation.h"

#include <sys/random.h>

#include <algorithm>

#include "common/base/clock.h"
#include "common/kernel/netns.h"

namespace tally::loader {

Result<Meta> begin_generation(const Interface& interface, const std::optional<Meta>& before) {
    Meta meta = {};
    meta.magic = XDP_TALLY_MAGIC;
    meta.abi_version = XDP_TALLY_ABI_VERSION;
    meta.generation = 1;
    if (before) {
        meta.generation = before->generation + 1;
        meta.lineage = before->lineage;
        std::copy(std::begin(before->carried), std::end(before->carried), meta.carried);
    } else if (::getrandom(&meta.lineage, sizeof(meta.lineage), 0) != sizeof(meta.lineage)) {
        return last_error("getting a random number");
    }
    meta.load_time = static_cast<std::uint64_t>(nanoseconds_of(CLOCK_REALTIME));
    TALLY_ASSIGN_OR_RETURN(auto netns, current_netns_inode());
    meta.netns_inode = netns;
    meta.ifindex = interface.ifindex;
    interface.name.copy(meta.interface, sizeof(meta.interface) - 1);
    return meta;
}

}  // namespace tally::loader
