// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/abi_names.h"

namespace tally {

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
