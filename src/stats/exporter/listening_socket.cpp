// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/exporter/listening_socket.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "common/base/unique_handle.h"

namespace tally::stats {
namespace {

// More clients than that wait until the kernel has them try again, a second later.
constexpr int kBacklog = 1024;

Error explain(Error error, const ListenAddress& address) {
    switch (error.code) {
        case EADDRINUSE:
            error.kind = ErrorKind::kConflict;
            error.hint =
                fmt::format("`ss -ltnp 'sport = :{}'` shows the process that listens there", address.port);
            break;
        case EACCES:
            error.reason += ": ports below 1024 require CAP_NET_BIND_SERVICE";
            error.hint = "start it as root (with --user NAME it continues as that user), or use another port";
            break;
        case EADDRNOTAVAIL:
            error.hint = "`ip -brief address` shows this machine's addresses";
            break;
        default:
            break;
    }
    return error;
}

std::uint16_t port_of(int socket) {
    sockaddr_in6 name = {};  // sockaddr_in has the port at the same place
    socklen_t size = sizeof(name);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size);
    return ntohs(name.sin6_port);
}

Result<ListeningSocket> open_socket(const ListenAddress& address, const addrinfo& at) {
    const std::string what = "listening at " + address.text();
    UniqueFd fd(::socket(at.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
        return last_error(what);
    }
    const int yes = 1;
    const int no = 0;
    // Connections of an exporter that has just ended do not keep the next one from its port.
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (at.ai_family == AF_INET6) {
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    }
    if (::bind(fd.get(), at.ai_addr, at.ai_addrlen) != 0 || ::listen(fd.get(), kBacklog) != 0) {
        return explain(last_error(what), address);
    }
    ListenAddress chosen = address;
    chosen.port = port_of(fd.get());
    return ListeningSocket{std::move(fd), std::move(chosen)};
}

Result<ListeningSocket> open_at(const ListenAddress& address) {
    addrinfo hints = {};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int code =
        ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (code != 0) {
        return make_error(ErrorKind::kSystem, "listening at " + address.text(), ::gai_strerror(code));
    }
    const UniqueHandle<addrinfo, freeaddrinfo> addresses(found);
    return open_socket(address, *addresses);
}

}  // namespace

Result<ListeningSocket> open_listening_socket(const ListenAddress& address) {
    if (address.host != "*") {
        return open_at(address);
    }
    ListenAddress all = address;
    all.host = "::";
    auto socket = open_at(all);
    if (!socket && (socket.error().code == EAFNOSUPPORT || socket.error().code == EADDRNOTAVAIL)) {
        all.host = "0.0.0.0";
        return open_at(all);
    }
    return socket;
}

}  // namespace tally::stats
