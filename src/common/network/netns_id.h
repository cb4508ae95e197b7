// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The numbers by which a network namespace knows others.
#pragma once

#include <cstdint>
#include <string>

#include "common/network/link_socket.h"

namespace tally {

// Which namespace the socket's knows by this number, as --netns takes it: "/proc/1/ns/net", "red",
// "/proc/1234/ns/net". Empty where it has no name below /run/netns and no process. Asks about one candidate
// after the other, which ordinary users may.
std::string find_netns_by_id(LinkSocket& socket, std::int32_t id);

// The same for people: "the initial network namespace", "network namespace red", "the network namespace of
// process 1234".
std::string describe_netns_id(LinkSocket& socket, std::int32_t id);

}  // namespace tally
