// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/abi_names.h"

#include <algorithm>
#include <cctype>

namespace tally {
namespace {

bool same_letters(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

std::optional<Action> parse_action_name(std::string_view text) {
    for (std::size_t action = 0; action < kActionNames.size(); ++action) {
        if (same_letters(text, kActionNames[action]) || same_letters(text, kShortActionNames[action])) {
            return static_cast<Action>(action);
        }
    }
    return std::nullopt;
}

std::string_view mode_name(std::uint32_t mode) {
    switch (mode) {
        case XDP_TALLY_MODE_NATIVE:
            return "native";
        case XDP_TALLY_MODE_GENERIC:
            return "generic";
        case XDP_TALLY_MODE_OFFLOADED:
            return "offloaded";
        default:
            return "unknown";
    }
}

std::string_view attach_name(std::uint32_t kind) {
    switch (kind) {
        case XDP_TALLY_ATTACH_LINK:
            return "link";
        case XDP_TALLY_ATTACH_DISPATCHER:
            return "dispatcher";
        case XDP_TALLY_ATTACH_NETLINK:
            return "netlink";
        case XDP_TALLY_ATTACH_OBSERVE:
            return "observe";
        default:
            return "unknown";
    }
}

}  // namespace tally
