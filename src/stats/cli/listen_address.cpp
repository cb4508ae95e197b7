// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/cli/listen_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>

#include "common/options/command_line.h"

namespace tally::stats {
namespace {

Error malformed(std::string_view text, std::string reason) {
    return make_error(ErrorKind::kUsage, fmt::format("'{}'", text), std::move(reason))
        .with_hint(
            "expected an address and a port, like 127.0.0.1:9417 or [::1]:9417; *:9417 means all addresses "
            "of "
            "this machine");
}

bool is_address(int family, const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> address = {};
    return ::inet_pton(family, host.c_str(), address.data()) == 1;
}

}  // namespace

std::string ListenAddress::text() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

bool ListenAddress::loopback() const {
    return host == "::1" || host.starts_with("127.");
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
    const auto colon = text.find_last_of(':');
    const std::string_view port_text = colon == std::string_view::npos ? text : text.substr(colon + 1);
    std::string_view host = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
    const auto port = parse_number<std::uint16_t>(port_text);
    if (!port) {
        return malformed(text, "a port is a number from 0 to 65535");
    }
    if (host.empty() || host == "localhost") {
        return ListenAddress{"127.0.0.1", *port, host.empty()};
    }
    if (host == "*") {
        return ListenAddress{std::string(host), *port};
    }
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    ListenAddress address{std::string(bracketed ? host.substr(1, host.size() - 2) : host), *port};
    if (!is_address(bracketed ? AF_INET6 : AF_INET, address.host)) {
        const bool bare = !bracketed && is_address(AF_INET6, address.host);
        return malformed(text, bare ? "an IPv6 address must be in brackets"
                                    : fmt::format("'{}' is not an IP address", address.host));
    }
    return address;
}

}  // namespace tally::stats
