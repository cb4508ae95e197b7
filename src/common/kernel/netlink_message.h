// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The parts of a netlink message: a header, a struct of the family's, then attributes, each padded to four
// bytes (netlink(7)).
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace tally::netlink {

inline std::size_t aligned(std::size_t size) {
    return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
}

template <typename T>
T load(std::string_view bytes) {
    T value = {};
    bytes.copy(reinterpret_cast<char*>(&value), sizeof(value));
    return value;
}

// Calls take(type, payload) for each attribute; ends at the first that does not fit.
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

}  // namespace tally::netlink
