// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// An interface's name together with its network namespace's: "NETNS/IFACE", as --dev takes it and as both
// programs show it. No interface has a '/' in its name; a namespace may: "/proc/7/ns/net/eth0". Pure.
#pragma once

#include <string>

namespace tally {

// "IFACE" alone where `netns` is empty, as it is for the initial namespace.
std::string with_netns(const std::string& netns, const std::string& interface);

// "veth0" of "veth0@veth1:", as `ip link` shows it with its peer; of a name alone the name.
std::string name_in_ip_link(const std::string& shown);

}  // namespace tally
