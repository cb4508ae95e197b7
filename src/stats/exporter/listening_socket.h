// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The socket that clients connect to.
#pragma once

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "stats/cli/listen_address.h"

namespace tally::stats {

struct ListeningSocket {
    UniqueFd fd;            // non-blocking
    ListenAddress address;  // with the port, and for "*" the address, that was chosen
};

// "*" and [::] are all IPv6 and IPv4 addresses; where the machine has no IPv6, "*" is all IPv4 addresses.
// kConflict where the port is taken, kPermission for a port below 1024 without CAP_NET_BIND_SERVICE.
Result<ListeningSocket> open_listening_socket(const ListenAddress& address);

}  // namespace tally::stats
