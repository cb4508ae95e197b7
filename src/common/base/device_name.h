// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// An interface's name together with its network namespace's: "NETNS/IFACE", as --dev takes it and as both
// programs show it. No interface has a '/' in its name; a namespace may: "/proc/7/ns/net/eth0". Pure.
#pragma once

#include <string>
#include <string_view>

namespace tally {

// "IFACE" alone where `netns` is empty, as it is for the initial namespace.
std::string with_netns(const std::string& netns, const std::string& interface);

// "NETNS" of such a name; empty where it has none.
std::string_view netns_of(std::string_view device);

}  // namespace tally
