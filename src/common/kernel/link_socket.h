// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Asks the kernel about one interface: its index, names, MTU, and which XDP program runs on it. Two system
// calls a question, however many interfaces there are. (libbpf's bpf_xdp_query opens a socket and lists all
// interfaces every time, and does not tell one that is gone from one without a program.)
#pragma once

#include <linux/netlink.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/kernel/interface.h"
#include "common/kernel/xdp_hook.h"

namespace tally {

struct Link {
    Interface interface;
    XdpHook hook;
};

class LinkSocket {
  public:
    // In the network namespace of the calling thread, which it keeps looking at. Needs no capability.
    static Result<LinkSocket> open();

    // By its name or an alternative name (`ip link property add ... altname`, kernel 5.5), up to 127 bytes.
    // kNotFound where there is no such interface. Allocates nothing.
    Result<Link> find(const std::string& name);
    Result<Link> find(std::uint32_t ifindex);

    // The number by which the socket's namespace knows another one, as in IFLA_NEW_NETNSID; -1 where it does
    // not (RTM_GETNSID; NETNSA_PID too needs no right over the process).
    Result<std::int32_t> netns_id_of(const UniqueFd& netns);
    Result<std::int32_t> netns_id_of_process(pid_t process);

    // All of them, in the kernel's order.
    Result<std::vector<Link>> list();

  private:
    explicit LinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}

    struct Answer {
        std::string_view message;  // in the buffer for it
        int error = 0;             // errno; 0: none
    };
    Answer exchange(nlmsghdr& request, std::span<char> reply);
    Result<Link> ask(std::uint32_t ifindex, const std::string& name);
    Result<std::int32_t> netns_id(std::uint16_t attribute, std::uint32_t value);

    UniqueFd fd_;
    std::uint32_t sequence_ = 0;
};

// The same for one question, on a socket of its own.
Result<XdpHook> query_xdp_hook(std::uint32_t ifindex);

// By its name, or by an alternative name, which may have 127 bytes; `name` of what is returned is the
// interface's own. kUsage as above; kNotFound where there is no such interface.
Result<Interface> resolve_interface(const std::string& name);

// None where there is no such interface.
Result<std::optional<Interface>> find_interface(const std::string& name);

// What the interface is called now; none where there is no such interface in this network namespace.
std::optional<std::string> interface_name(std::uint32_t ifindex);

}  // namespace tally
