// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/link_departures.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "common/network/netlink_message.h"

namespace tally {
namespace {

// An announcement has no statistics of virtual functions: one or two kilobytes.
constexpr std::size_t kLongest = 16384;

// Where interfaces come and go, or change, all the time, only departures are to wake anybody.
bool take_departures_only(const UniqueFd& fd) {
    std::array<sock_filter, 4> code = {{
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
        // Such a load takes the bytes in network order, and netlink has them in the machine's.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELLINK), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    const sock_fprog program = {code.size(), code.data()};
    return ::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

}  // namespace

std::optional<LinkDeparture> parse_departure(std::string_view message) {
    constexpr std::size_t kBegin = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(ifinfomsg));
    if (message.size() < kBegin || load_from<nlmsghdr>(message).nlmsg_type != RTM_DELLINK) {
        return std::nullopt;
    }
    const auto link = load_from<ifinfomsg>(message.substr(NLMSG_HDRLEN));
    if (link.ifi_family != AF_UNSPEC) {
        return std::nullopt;  // AF_BRIDGE: it has left a bridge alone
    }
    LinkDeparture departure;
    departure.ifindex = static_cast<std::uint32_t>(link.ifi_index);
    for_each_attribute(message.substr(kBegin), [&](int type, std::string_view payload) {
        if (type == IFLA_NEW_NETNSID) {
            departure.netns_id = load_from<std::int32_t>(payload);
        }
    });
    return departure;
}

Result<LinkDepartures> LinkDepartures::open() {
    UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    sockaddr_nl address = {};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    if (!fd || !take_departures_only(fd) ||
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return last_error("listening for interfaces that leave");
    }
    return LinkDepartures(std::move(fd));
}

const std::vector<LinkDeparture>& LinkDepartures::drain() {
    departures_.clear();
    alignas(nlmsghdr) std::array<char, kLongest> buffer;
    while (true) {
        const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && (errno == ENOBUFS || errno == EINTR)) {
            continue;
        }
        if (size <= 0) {
            return departures_;
        }
        if (const auto departure = parse_departure({buffer.data(), static_cast<std::size_t>(size)})) {
            departures_.push_back(*departure);
        }
    }
}

}  // namespace tally
