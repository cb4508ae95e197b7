// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Where the exporter listens, as the user says it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace tally::stats {

struct ListenAddress {
    std::string host;        // an IPv4 or IPv6 address, without brackets
    std::uint16_t port = 0;  // 0: any that is free

    // "127.0.0.1:9417", "[::1]:9417"
    std::string text() const;
};

// ADDR:PORT, [ADDR]:PORT, or the port alone, which means the loopback address. kUsage otherwise.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace tally::stats
