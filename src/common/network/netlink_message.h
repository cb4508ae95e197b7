// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Netlink messages, as far as single questions go (linux/netlink.h).
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tally {

constexpr std::size_t netlink_aligned(std::size_t size) {
    return (size + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
}

// Zeros where `bytes` is shorter than a T.
template <typename T>
T load_from(std::string_view bytes) {
    T value = {};
    bytes.copy(reinterpret_cast<char*>(&value), sizeof(value));
    return value;
}

// Walks through netlink attributes: calls take(type, payload) for each, up to the first that is cut off.
template <typename Take>
void for_each_attribute(std::string_view bytes, Take take) {
    while (bytes.size() >= sizeof(nlattr)) {
        const auto header = load_from<nlattr>(bytes);
        if (header.nla_len < sizeof(nlattr) || header.nla_len > bytes.size()) {
            return;
        }
        take(header.nla_type & NLA_TYPE_MASK, bytes.substr(sizeof(nlattr), header.nla_len - sizeof(nlattr)));
        bytes.remove_prefix(std::min(bytes.size(), netlink_aligned(header.nla_len)));
    }
}

// What follows the fixed part of a message, a struct of `size` bytes behind the header.
inline std::string_view attributes_behind(std::string_view message, std::size_t size) {
    return message.substr(
        std::min(message.size(), netlink_aligned(sizeof(nlmsghdr)) + netlink_aligned(size)));
}

// The text of an attribute, without the zero at its end.
inline std::string load_text(std::string_view payload) {
    return std::string(payload.substr(0, payload.find('\0')));
}

// Sends the question and waits for the message that answers it, which begins `buffer` then; its size in
// `size`. Answers to earlier questions (other sequence numbers) are passed over. 0, or the errno of the
// kernel's refusal or of the socket. Allocates nothing.
int ask_netlink(int socket, const nlmsghdr& question, std::span<char> buffer, std::size_t& size);

}  // namespace tally
