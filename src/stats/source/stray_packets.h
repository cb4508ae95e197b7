// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Where packets come from that nobody has sent on purpose.
#pragma once

#include <string>

#include "common/pins/netns_context.h"

namespace tally::stats {

// For a veth whose other end has IPv6 on, and so sends packets of its own (neighbour discovery, multicast
// reports): the hint that ends it. Else, and where that cannot be seen from here, empty.
std::string hint_at_stray_packets(const std::string& device, const NetnsContext& context);

}  // namespace tally::stats
