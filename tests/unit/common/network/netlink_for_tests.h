// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Parts of netlink messages, put together as the kernel does it.
#pragma once

#include <cstdint>
#include <string>

#include "common/network/netlink_message.h"

namespace tally {

template <typename T>
std::string bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

inline std::string attribute(std::uint16_t type, const std::string& payload) {
    std::string bytes = bytes_of(nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + payload.size()), type});
    bytes += payload;
    bytes.resize(netlink_aligned(bytes.size()));
    return bytes;
}

inline std::string attribute(std::uint16_t type, std::int32_t value) {
    return attribute(type, bytes_of(value));
}

}  // namespace tally
