// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/kernel/link_socket.h"

#include <fmt/format.h>
#include <net/if.h>
// After the C library's header, whose names it then leaves out.
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string_view>

#include <xdp_tally/abi.h>

namespace tally {
namespace {

// A link's description without statistics and virtual functions takes one or two kilobytes.
constexpr std::size_t kReplySize = 16384;

std::size_t aligned(std::size_t size) {
    return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
}

template <typename T>
T load(std::string_view bytes) {
    T value = {};
    bytes.copy(reinterpret_cast<char*>(&value), sizeof(value));
    return value;
}

// Walks through netlink attributes: calls take(type, payload) for each.
template <typename Take>
void for_each_attribute(std::string_view bytes, Take take) {
    while (bytes.size() >= sizeof(nlattr)) {
        const auto header = load<nlattr>(bytes);
        if (header.nla_len < sizeof(nlattr) || header.nla_len > bytes.size()) {
            return;
        }
        take(header.nla_type & NLA_TYPE_MASK, bytes.substr(sizeof(nlattr), header.nla_len - sizeof(nlattr)));
        bytes.remove_prefix(std::min(bytes.size(), aligned(header.nla_len)));
    }
}

std::string load_name(std::string_view payload) {
    return std::string(payload.substr(0, payload.find('\0')));
}

// Kernels from 4.19 name the program of each mode.
XdpHook parse_hook(std::string_view attributes) {
    XdpHook hook;
    const auto take_program = [&](int type, std::string_view payload) {
        const auto id = load<std::uint32_t>(payload);
        if (type == IFLA_XDP_DRV_PROG_ID) {
            hook.program = HookProgram{id, XDP_TALLY_MODE_NATIVE};
        } else if (type == IFLA_XDP_SKB_PROG_ID) {
            hook.program = HookProgram{id, XDP_TALLY_MODE_GENERIC};
        } else if (type == IFLA_XDP_HW_PROG_ID) {
            hook.offloaded = HookProgram{id, XDP_TALLY_MODE_OFFLOADED};
        }
    };
    for_each_attribute(attributes, take_program);
    return hook;
}

Link parse_link(std::string_view message) {
    Link link;
    link.interface.ifindex =
        static_cast<std::uint32_t>(load<ifinfomsg>(message.substr(aligned(sizeof(nlmsghdr)))).ifi_index);
    const std::size_t begin = aligned(sizeof(nlmsghdr)) + aligned(sizeof(ifinfomsg));
    for_each_attribute(message.substr(begin), [&](int type, std::string_view payload) {
        if (type == IFLA_IFNAME) {
            link.interface.name = load_name(payload);
        } else if (type == IFLA_MTU) {
            link.interface.mtu = load<std::uint32_t>(payload);
        } else if (type == IFLA_XDP) {
            link.hook = parse_hook(payload);
        }
    });
    return link;
}

struct Request {
    nlmsghdr header = {};
    ifinfomsg link = {};
    nlattr mask_header = {};
    std::uint32_t mask = 0;
    nlattr name_header = {};
    std::array<char, ALTIFNAMSIZ> name = {};
};

Request make_request(std::uint32_t sequence, std::uint32_t ifindex, const std::string& name) {
    Request request;
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.header.nlmsg_seq = sequence;
    request.link.ifi_family = AF_UNSPEC;
    request.link.ifi_index = static_cast<int>(ifindex);
    request.mask_header = {sizeof(nlattr) + sizeof(request.mask), IFLA_EXT_MASK};
    request.mask = RTEXT_FILTER_SKIP_STATS;
    std::size_t size = offsetof(Request, name_header);
    if (!name.empty()) {
        // As IFLA_IFNAME the kernel takes short ones only, and looks for them among both kinds of names.
        const std::size_t length = std::min(name.size(), request.name.size() - 1);
        const std::uint16_t kind = length < IFNAMSIZ ? IFLA_IFNAME : IFLA_ALT_IFNAME;
        std::memcpy(request.name.data(), name.data(), length);
        request.name_header = {static_cast<std::uint16_t>(sizeof(nlattr) + length + 1), kind};
        size = offsetof(Request, name) + aligned(length + 1);
    }
    request.header.nlmsg_len = static_cast<std::uint32_t>(size);
    return request;
}

}  // namespace

Result<LinkSocket> LinkSocket::open() {
    UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!fd) {
        return last_error("opening a netlink socket");
    }
    return LinkSocket(std::move(fd));
}

Result<Link> LinkSocket::find(const std::string& name) {
    return ask(0, name);
}

Result<Link> LinkSocket::find(std::uint32_t ifindex) {
    return ask(ifindex, {});
}

Result<Link> LinkSocket::ask(std::uint32_t ifindex, const std::string& name) {
    const auto failed = [&](int code) {
        return system_error(code, name.empty() ? fmt::format("asking about interface {}", ifindex)
                                               : fmt::format("asking about interface '{}'", name));
    };
    const Request request = make_request(++sequence_, ifindex, name);
    if (::send(fd_.get(), &request, request.header.nlmsg_len, 0) < 0) {
        return failed(errno);
    }
    alignas(nlmsghdr) std::array<char, kReplySize> reply;
    while (true) {
        const auto size = ::recv(fd_.get(), reply.data(), reply.size(), 0);
        if (size < 0 && errno == EINTR) {
            continue;  // the answer is on its way
        }
        if (size < 0) {
            return failed(errno);
        }
        const std::string_view message(reply.data(), static_cast<std::size_t>(size));
        const auto header = load<nlmsghdr>(message);
        if (message.size() < sizeof(nlmsghdr) + sizeof(ifinfomsg) || header.nlmsg_seq != sequence_) {
            continue;  // the answer to an earlier question that was given up
        }
        if (header.nlmsg_type == NLMSG_ERROR) {
            return failed(load<nlmsgerr>(message.substr(sizeof(nlmsghdr))).error);
        }
        return parse_link(message);
    }
}

Result<XdpHook> query_xdp_hook(std::uint32_t ifindex) {
    TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
    TALLY_ASSIGN_OR_RETURN(auto link, socket.find(ifindex));
    return link.hook;
}

Result<Interface> resolve_interface(const std::string& name) {
    const auto checked = check_interface_name(name);
    const bool only_alternative = !checked && name.size() >= IFNAMSIZ && name.size() < ALTIFNAMSIZ;
    if (!checked && !only_alternative) {
        return checked.error();
    }
    TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
    auto link = socket.find(name);
    if (link) {
        return std::move(link->interface);
    }
    if (only_alternative) {
        return checked.error();
    }
    if (link.error().kind != ErrorKind::kNotFound) {
        return link.error();
    }
    return make_error(ErrorKind::kNotFound, fmt::format("looking for interface '{}'", name),
                      "no interface in this network namespace has that name");
}

Result<std::optional<Interface>> find_interface(const std::string& name) {
    auto found = resolve_interface(name);
    if (found) {
        return std::optional(std::move(*found));
    }
    if (found.error().kind == ErrorKind::kNotFound) {
        return std::optional<Interface>();
    }
    return found.error();
}

std::optional<std::string> interface_name(std::uint32_t ifindex) {
    std::array<char, IF_NAMESIZE> name = {};
    if (::if_indextoname(ifindex, name.data()) == nullptr) {
        return std::nullopt;
    }
    return name.data();
}

}  // namespace tally
