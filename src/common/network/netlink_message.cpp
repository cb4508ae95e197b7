// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/netlink_message.h"

#include <sys/socket.h>

#include <cerrno>

namespace tally {

int ask_netlink(int socket, const nlmsghdr& question, std::span<char> buffer, std::size_t& size) {
    if (::send(socket, &question, question.nlmsg_len, 0) < 0) {
        return errno;
    }
    while (true) {
        const auto received = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (received < 0 && errno == EINTR) {
            continue;  // the answer is on its way
        }
        if (received < 0) {
            return errno;
        }
        size = static_cast<std::size_t>(received);
        const std::string_view message(buffer.data(), size);
        const auto header = load_from<nlmsghdr>(message);
        if (size < sizeof(nlmsghdr) || header.nlmsg_seq != question.nlmsg_seq) {
            continue;  // the answer to an earlier question that was given up
        }
        return header.nlmsg_type == NLMSG_ERROR
                   ? -load_from<nlmsgerr>(message.substr(netlink_aligned(sizeof(nlmsghdr)))).error
                   : 0;
    }
}

}  // namespace tally
