// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/device_features.h"

#include <fmt/format.h>
#include <linux/genetlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "common/base/unique_fd.h"
#include "common/network/netlink_message.h"

namespace tally {
namespace {

// <linux/netdev.h>, which C libraries' headers before 6.3 lack.
constexpr std::string_view kFamily = "netdev";
constexpr std::uint8_t kDevGet = 1;
enum Attribute { kIfindex = 1, kXdpFeatures = 3, kZeroCopySegments = 4, kRxMetadata = 5 };

// One attribute is all that either question has.
struct Question {
    nlmsghdr header = {};
    genlmsghdr command = {};
    nlattr attribute = {};
    std::array<char, GENL_NAMSIZ> payload = {};
};

Question make_question(std::uint16_t family, std::uint8_t command, std::uint16_t attribute,
                       std::string_view payload) {
    Question question;
    payload.copy(question.payload.data(), question.payload.size());
    question.attribute = {static_cast<std::uint16_t>(sizeof(nlattr) + payload.size()), attribute};
    question.command.cmd = command;
    question.command.version = 1;
    question.header.nlmsg_type = family;
    question.header.nlmsg_flags = NLM_F_REQUEST;
    question.header.nlmsg_seq = family;  // one for each of the two questions
    question.header.nlmsg_len =
        static_cast<std::uint32_t>(offsetof(Question, payload) + netlink_aligned(payload.size()));
    return question;
}

// The number of the family on this boot; none where the kernel has no such family.
Result<std::optional<std::uint16_t>> find_family(int socket, std::span<char> reply) {
    const auto question =
        make_question(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, std::string(kFamily) + '\0');
    std::size_t size = 0;
    const int code = ask_netlink(socket, question.header, reply, size);
    if (code == ENOENT) {
        return std::optional<std::uint16_t>();
    }
    if (code != 0) {
        return system_error(code, "asking for the netlink family 'netdev'");
    }
    std::optional<std::uint16_t> family;
    for_each_attribute(attributes_behind({reply.data(), size}, sizeof(genlmsghdr)),
                       [&family](int type, std::string_view payload) {
                           if (type == CTRL_ATTR_FAMILY_ID) {
                               family = load_from<std::uint16_t>(payload);
                           }
                       });
    return family;
}

template <typename Names>
std::vector<std::string_view> words_among(const Names& names, const DeviceFeatures& features) {
    std::vector<std::string_view> words;
    for (const auto& name : names) {
        if (features.has(name.bit)) {
            words.push_back(name.words);
        }
    }
    return words;
}

}  // namespace

std::vector<std::string_view> words_of(const DeviceFeatures& features) {
    return words_among(kXdpFeatureNames, features);
}

std::vector<std::string_view> metadata_words_of(const DeviceFeatures& features) {
    return words_among(kRxMetadataNames, features);
}

DeviceFeatures parse_device_features(std::string_view attributes) {
    DeviceFeatures features;
    for_each_attribute(attributes, [&features](int type, std::string_view payload) {
        if (type == kXdpFeatures) {
            features.xdp = load_from<std::uint64_t>(payload);
        } else if (type == kRxMetadata) {
            features.rx_metadata = load_from<std::uint64_t>(payload);
        } else if (type == kZeroCopySegments) {
            features.zero_copy_segments = load_from<std::uint32_t>(payload);
        }
    });
    return features;
}

Result<std::optional<DeviceFeatures>> query_device_features(std::uint32_t ifindex) {
    const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
    if (!socket) {
        return last_error("opening a netlink socket");
    }
    alignas(nlmsghdr) std::array<char, 8192> reply;
    TALLY_ASSIGN_OR_RETURN(const auto family, find_family(socket.get(), reply));
    if (!family) {
        return std::optional<DeviceFeatures>();
    }
    const std::string_view index(reinterpret_cast<const char*>(&ifindex), sizeof(ifindex));
    const auto question = make_question(*family, kDevGet, kIfindex, index);
    std::size_t size = 0;
    if (const int code = ask_netlink(socket.get(), question.header, reply, size); code != 0) {
        return system_error(code, fmt::format("asking what the driver of interface {} can do", ifindex));
    }
    return std::optional(parse_device_features(attributes_behind({reply.data(), size}, sizeof(genlmsghdr))));
}

}  // namespace tally
