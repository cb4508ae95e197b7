// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/link_socket.h"

#include <fmt/format.h>
#include <net/if.h>
// After the C library's header, whose names it then leaves out.
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string_view>

#include <xdp_tally/abi.h>

#include "common/network/netlink_message.h"

namespace tally {
namespace {

// A link's description without statistics and virtual functions takes one or two kilobytes; what the kernel
// puts into one message of a list, 32.
constexpr std::size_t kReplySize = 32768;
constexpr int kTries = 8;

// Kernels from 4.19 name the program of each mode.
XdpHook parse_hook(std::string_view attributes) {
    XdpHook hook;
    const auto take_program = [&](int type, std::string_view payload) {
        const auto id = load_from<std::uint32_t>(payload);
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

void take_stacking(Link& link, int type, std::string_view payload) {
    if (type == IFLA_LINK) {
        link.below = load_from<std::uint32_t>(payload);
    } else if (type == IFLA_LINK_NETNSID) {
        link.below_netns = load_from<std::int32_t>(payload);
    } else if (type == IFLA_MASTER) {
        link.master = load_from<std::uint32_t>(payload);
    } else if (type == IFLA_LINKINFO) {
        for_each_attribute(payload, [&link](int kind, std::string_view text) {
            if (kind == IFLA_INFO_KIND) {
                link.kind = load_text(text);
            }
        });
    }
}

Link parse_link(std::string_view message) {
    Link link;
    const auto fixed = load_from<ifinfomsg>(message.substr(netlink_aligned(sizeof(nlmsghdr))));
    link.interface.ifindex = static_cast<std::uint32_t>(fixed.ifi_index);
    link.up = (fixed.ifi_flags & IFF_UP) != 0;
    link.carrier = (fixed.ifi_flags & IFF_LOWER_UP) != 0;
    for_each_attribute(attributes_behind(message, sizeof(ifinfomsg)),
                       [&](int type, std::string_view payload) {
                           if (type == IFLA_IFNAME) {
                               link.interface.name = load_text(payload);
                           } else if (type == IFLA_MTU) {
                               link.interface.mtu = load_from<std::uint32_t>(payload);
                           } else if (type == IFLA_MAX_MTU) {
                               link.max_mtu = load_from<std::uint32_t>(payload);
                           } else if (type == IFLA_XDP) {
                               link.hook = parse_hook(payload);
                           } else {
                               take_stacking(link, type, payload);
                           }
                       });
    return link;
}

struct Request {
    nlmsghdr header = {};
    ifinfomsg link = {};
    nlattr mask_header = {};
    std::uint32_t mask = 0;
    nlattr name_header = {};  // or that of the namespace
    std::array<char, ALTIFNAMSIZ> name = {};
};

Request make_request(std::uint32_t sequence, std::uint32_t ifindex, const std::string& name,
                     std::optional<std::int32_t> netnsid) {
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
        size = offsetof(Request, name) + netlink_aligned(length + 1);
    } else if (netnsid) {
        std::memcpy(request.name.data(), &*netnsid, sizeof(*netnsid));
        request.name_header = {sizeof(nlattr) + sizeof(*netnsid), IFLA_TARGET_NETNSID};
        size = offsetof(Request, name) + sizeof(*netnsid);
    }
    request.header.nlmsg_len = static_cast<std::uint32_t>(size);
    return request;
}

struct NetnsRequest {
    nlmsghdr header = {sizeof(NetnsRequest), RTM_GETNSID, NLM_F_REQUEST, 0, 0};
    rtgenmsg family = {AF_UNSPEC};
    alignas(NLA_ALIGNTO) nlattr value_header = {sizeof(nlattr) + sizeof(value), 0};
    std::uint32_t value = 0;
};

struct Listing {
    std::vector<Link> links;
    bool changed = false;  // while it was made
    bool ended = false;
    int error = 0;
};

void add_to(Listing& listing, std::string_view messages, std::uint32_t sequence) {
    while (messages.size() >= sizeof(nlmsghdr) && !listing.ended) {
        const auto header = load_from<nlmsghdr>(messages);
        if (header.nlmsg_len < sizeof(nlmsghdr) || header.nlmsg_len > messages.size()) {
            return;
        }
        const auto message = messages.substr(0, header.nlmsg_len);
        messages.remove_prefix(std::min(messages.size(), netlink_aligned(header.nlmsg_len)));
        if (header.nlmsg_seq != sequence) {
            continue;  // the answer to an earlier question that was given up
        }
        listing.changed = listing.changed || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        listing.ended = header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
        if (header.nlmsg_type == NLMSG_ERROR) {
            listing.error = load_from<nlmsgerr>(message.substr(sizeof(nlmsghdr))).error;
        } else if (header.nlmsg_type == RTM_NEWLINK) {
            listing.links.push_back(parse_link(message));
        }
    }
}

}  // namespace

std::string_view link_state(const Link& link) {
    return !link.up ? "down" : link.carrier ? "up" : "no carrier";
}

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

Result<Link> LinkSocket::find_in(std::int32_t netnsid, std::uint32_t ifindex) {
    return ask(ifindex, {}, netnsid);
}

Result<Link> LinkSocket::ask(std::uint32_t ifindex, const std::string& name,
                             std::optional<std::int32_t> netnsid) {
    const std::scoped_lock lock(*asking_);
    const Request request = make_request(++sequence_, ifindex, name, netnsid);
    alignas(nlmsghdr) std::array<char, kReplySize> reply;
    std::size_t size = 0;
    if (const int code = ask_netlink(fd_.get(), request.header, reply, size); code != 0) {
        return system_error(code, name.empty() ? fmt::format("asking about interface {}", ifindex)
                                               : fmt::format("asking about interface '{}'", name));
    }
    return parse_link(std::string_view(reply.data(), size));
}

Result<std::int32_t> LinkSocket::netns_id(std::uint16_t attribute, std::uint32_t value) {
    const std::scoped_lock lock(*asking_);
    NetnsRequest request;
    request.header.nlmsg_seq = ++sequence_;
    request.value_header.nla_type = attribute;
    request.value = value;
    alignas(nlmsghdr) std::array<char, kReplySize> reply;
    std::size_t size = 0;
    if (const int code = ask_netlink(fd_.get(), request.header, reply, size); code != 0) {
        return system_error(code, "asking for the number of a network namespace");
    }
    std::int32_t id = NETNSA_NSID_NOT_ASSIGNED;
    for_each_attribute(attributes_behind(std::string_view(reply.data(), size), sizeof(rtgenmsg)),
                       [&](int type, std::string_view payload) {
                           if (type == NETNSA_NSID) {
                               id = load_from<std::int32_t>(payload);
                           }
                       });
    return id;
}

Result<std::int32_t> LinkSocket::netns_id_of(const UniqueFd& netns) {
    return netns_id(NETNSA_FD, static_cast<std::uint32_t>(netns.get()));
}

Result<std::int32_t> LinkSocket::netns_id_of_process(pid_t process) {
    return netns_id(NETNSA_PID, static_cast<std::uint32_t>(process));
}

Result<std::vector<Link>> LinkSocket::list() {
    const std::string what = "listing the interfaces";
    const std::scoped_lock lock(*asking_);
    for (int tries = 0; tries < kTries; ++tries) {
        Request request = make_request(++sequence_, 0, {}, {});
        request.header.nlmsg_flags |= NLM_F_DUMP;
        if (::send(fd_.get(), &request, request.header.nlmsg_len, 0) < 0) {
            return last_error(what);
        }
        Listing listing;
        alignas(nlmsghdr) std::array<char, kReplySize> reply;
        while (!listing.ended) {
            const auto size = ::recv(fd_.get(), reply.data(), reply.size(), 0);
            if (size < 0 && errno != EINTR) {
                return last_error(what);
            }
            if (size > 0) {
                add_to(listing, {reply.data(), static_cast<std::size_t>(size)}, sequence_);
            }
        }
        if (listing.error != 0) {
            return system_error(listing.error, what);
        }
        if (!listing.changed) {
            return std::move(listing.links);
        }
    }
    return make_error(ErrorKind::kSystem, what, "they changed each time they were being listed");
}

Result<XdpHook> query_xdp_hook(std::uint32_t ifindex) {
    TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
    TALLY_ASSIGN_OR_RETURN(auto link, socket.find(ifindex));
    return link.hook;
}

Result<Link> resolve_link(LinkSocket& socket, const std::string& name) {
    const auto checked = check_interface_name(name);
    if (name.empty() || name.size() >= ALTIFNAMSIZ) {
        return checked.error();
    }
    auto link = socket.find(name);
    if (link || is_failed_question(link.error())) {
        return link;
    }
    if (!checked) {
        return checked.error();
    }
    if (link.error().kind != ErrorKind::kNotFound) {
        return link;
    }
    return make_error(ErrorKind::kNotFound, fmt::format("looking for interface '{}'", name),
                      "no interface in this network namespace has that name");
}

Result<Interface> resolve_interface(const std::string& name) {
    TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
    TALLY_ASSIGN_OR_RETURN(auto link, resolve_link(socket, name));
    return std::move(link.interface);
}

}  // namespace tally
