// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Asks the kernel about one interface: its index, names, MTU, and which XDP program runs on it. Two system
// calls a question, however many interfaces there are. (libbpf's bpf_xdp_query opens a socket and lists all
// interfaces every time, and does not tell one that is gone from one without a program.)
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/network/interface.h"
#include "common/network/xdp_hook.h"

namespace tally {

struct Link {
    Interface interface;
    std::uint32_t max_mtu = 0;  // that it can be given now, as its driver says; 0: not told
    XdpHook hook;
    bool up = false;       // `ip link set up`
    bool carrier = false;  // while it is up; of a veth: its other end is up, too
    // IFLA_LINK: the device below a macvlan, VLAN, ...; of a veth the other end. 0: none. An ifindex of the
    // network namespace that `below_netns` stands for here; of the interface's own where there is none.
    std::uint32_t below = 0;
    std::optional<std::int32_t> below_netns;
    std::uint32_t master = 0;  // ifindex of the bridge or bond that it is part of; 0: none
    std::string kind;          // "veth", "macvlan", "bond"; empty for hardware
};

// "up", "down", "no carrier".
std::string_view link_state(const Link& link);

// For any number of threads: each question has its answer before the next is asked.
class LinkSocket {
  public:
    // In the network namespace of the calling thread, which it keeps looking at. Needs no capability.
    static Result<LinkSocket> open();

    // By its name or an alternative name (`ip link property add ... altname`, kernel 5.5), up to 127 bytes.
    // kNotFound where there is no such interface. Allocates nothing.
    Result<Link> find(const std::string& name);
    Result<Link> find(std::uint32_t ifindex);
    // In another network namespace, by the number that this one knows it by (Link::below_netns; kernel 4.20).
    // CAP_NET_ADMIN there.
    Result<Link> find_in(std::int32_t netnsid, std::uint32_t ifindex);

    // The number by which the socket's namespace knows another one, as in IFLA_NEW_NETNSID; -1 where it does
    // not (RTM_GETNSID; NETNSA_PID too needs no right over the process).
    Result<std::int32_t> netns_id_of(const UniqueFd& netns);
    Result<std::int32_t> netns_id_of_process(pid_t process);

    // All of them, in the kernel's order.
    Result<std::vector<Link>> list();

  private:
    explicit LinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}

    Result<Link> ask(std::uint32_t ifindex, const std::string& name,
                     std::optional<std::int32_t> netnsid = std::nullopt);
    Result<std::int32_t> netns_id(std::uint16_t attribute, std::uint32_t value);

    UniqueFd fd_;
    std::uint32_t sequence_ = 0;
    std::unique_ptr<std::mutex> asking_ = std::make_unique<std::mutex>();
};

// LinkSocket::find of one interface, on a socket of its own.
Result<XdpHook> query_xdp_hook(std::uint32_t ifindex);

// By its name, or by an alternative name, which may have 127 bytes; the name of what is returned is the
// interface's own. kUsage for what names none; kNotFound where there is no such interface.
Result<Link> resolve_link(LinkSocket& socket, const std::string& name);
// On a socket of its own.
Result<Interface> resolve_interface(const std::string& name);

}  // namespace tally
