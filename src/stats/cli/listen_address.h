// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Where the exporter listens, as the user says it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace tally::stats {

struct ListenAddress {
    std::string host;        // an IPv4 or IPv6 address, without brackets; "*": all addresses
    std::uint16_t port = 0;  // 0: any that is free
    bool implied = false;    // the user has named no address

    // Only processes of this machine reach it.
    bool loopback() const;

    // "127.0.0.1:9417", "[::1]:9417"
    std::string text() const;
};

// ADDR:PORT, [ADDR]:PORT, localhost:PORT, *:PORT for all addresses, or PORT or :PORT, which mean the loopback
// address. kUsage otherwise.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace tally::stats
