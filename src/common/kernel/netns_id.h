// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The numbers by which a network namespace knows others.
#pragma once

#include <cstdint>
#include <string>

#include "common/kernel/link_socket.h"

namespace tally {

// Which namespace the socket's knows by this number, for people: "the initial network namespace", "network
// namespace red", "the network namespace of process 1234". Empty where it has no name below /run/netns and no
// process. Asks about one candidate after the other, which ordinary users may.
std::string describe_netns_id(LinkSocket& socket, std::int32_t id);

}  // namespace tally
