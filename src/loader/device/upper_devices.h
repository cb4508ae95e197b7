// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Interfaces on top of each other: macvlan, VLAN, bridge, bond. The kernel allows programs on both, if the
// lower one's came first.
#pragma once

#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/network/link_socket.h"
#include "common/pins/netns_context.h"

namespace tally::loader {

// Pure. Not so for the two ends of a pair (veth, netkit), which name each other in the same way.
bool is_above(const Link& upper, const Link& lower);

// Names, with their programs, the interfaces that a refusal is about, and what to type: the upper one of
// find_upper_device_refusal, and the slave for which a bond refuses a program. Nothing where the reason is
// another.
void explain_stacked_devices(const NetnsContext& context, const Interface& interface, Error& error);

}  // namespace tally::loader
