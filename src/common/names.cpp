#include "common/names.h"

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

std::string encode_pin_name(std::string_view name) {
    std::string component;
    for (const char c : name) {
        if (c == '.') {
            component += "%2E";
        } else if (c == '%') {
            component += "%25";
        } else {
            component += c;
        }
    }
    return component;
}

std::string decode_pin_name(std::string_view component) {
    std::string name;
    for (std::size_t i = 0; i < component.size(); ++i) {
        const std::string_view escape = component.substr(i, 3);
        if (escape == "%2E") {
            name += '.';
            i += 2;
        } else if (escape == "%25") {
            name += '%';
            i += 2;
        } else {
            name += component[i];
        }
    }
    return name;
}

}  // namespace tally
