// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/stray_packets.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <utility>

#include "common/base/shell_word.h"
#include "common/network/link_socket.h"
#include "common/network/netns.h"
#include "common/network/netns_list.h"

namespace tally::stats {
namespace {

// The namespace of a veth's other end, among those that this process can see.
std::optional<KnownNetns> netns_of_peer(const Link& link, const NetnsContext& context) {
    const auto known = list_namespaces().list;
    const auto is_there = [&](const KnownNetns& netns) {
        if (!link.below_netns) {
            return netns.inode == context.inode;
        }
        const auto fd = open_netns(netns.name);
        const auto id = fd ? context.links->netns_id_of(*fd) : Result<std::int32_t>(fd.error());
        return id && *id == *link.below_netns;
    };
    const auto found = std::find_if(known.begin(), known.end(), is_there);
    return found == known.end() ? std::nullopt : std::optional(*found);
}

// With slashes, which also stand in a name with a dot in it.
std::string setting_of(const std::string& device) {
    return fmt::format("net/ipv6/conf/{}/disable_ipv6", device);
}

// In the network namespace of the calling thread. The name of the device, if IPv6 is on there.
std::optional<std::string> name_with_ipv6(std::uint32_t ifindex) {
    std::array<char, IF_NAMESIZE> name = {};
    if (::if_indextoname(ifindex, name.data()) == nullptr) {
        return std::nullopt;
    }
    std::string disabled;
    std::ifstream("/proc/sys/" + setting_of(name.data())) >> disabled;
    return disabled == "0" ? std::optional<std::string>(name.data()) : std::nullopt;
}

std::optional<std::string> name_with_ipv6_in(const KnownNetns& netns, std::uint32_t ifindex) {
    if (const auto here = current_netns_inode(); here && *here == netns.inode) {
        return name_with_ipv6(ifindex);
    }
    const auto fd = open_netns(netns.name);
    if (!fd) {
        return std::nullopt;
    }
    std::optional<std::string> name;
    const auto entered = inside_netns(*fd, netns.name, [&]() -> Result<void> {
        name = name_with_ipv6(ifindex);
        return {};
    });
    return entered ? name : std::nullopt;
}

// What the user puts before a command that is for another namespace than his own.
std::string from_inside(const KnownNetns& netns, const NetnsContext& context) {
    return netns.inode == context.home_inode ? std::string() : netns_prefix(netns.name);
}

}  // namespace

std::string hint_at_stray_packets(const std::string& device, const NetnsContext& context) {
    const auto link = context.links ? std::optional(context.links->find(device)) : std::nullopt;
    if (!link || !*link || (*link)->kind != "veth" || (*link)->below == 0) {
        return {};
    }
    const auto netns = netns_of_peer(**link, context);
    const auto peer = netns ? name_with_ipv6_in(*netns, (*link)->below) : std::nullopt;
    if (!peer) {
        return {};
    }
    return fmt::format("IPv6 at the other end sends packets by itself; as root, `{}sysctl -w {}` ends that",
                       from_inside(*netns, context), shell_word(setting_of(*peer) + "=1"));
}

}  // namespace tally::stats
