// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/pin_names.h"

#include <charconv>

#include <xdp_tally/abi.h>

#include "common/base/directory.h"
#include "common/network/netns.h"

namespace tally {
namespace {

constexpr std::string_view kNetns = "netns:";
constexpr std::string_view kMap = "component:";
constexpr std::string_view kLink = "component_link:";

std::string make_pin(std::string_view kind, std::uint32_t program_id, std::string_view name) {
    constexpr std::size_t kLongestName = sizeof(xdp_tally_meta::program) - 1;
    return std::string(kind) + std::to_string(program_id) + ':' +
           encode_pin_name(name.substr(0, kLongestName));
}

std::optional<ComponentPin> parse_pin(std::string_view kind, std::string_view pin) {
    if (!pin.starts_with(kind)) {
        return std::nullopt;
    }
    pin.remove_prefix(kind.size());
    const auto colon = pin.find(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    ComponentPin component;
    const auto [end, code] = std::from_chars(pin.data(), pin.data() + colon, component.program_id);
    if (code != std::errc() || end != pin.data() + colon) {
        return std::nullopt;
    }
    component.name = decode_pin_name(pin.substr(colon + 1));
    return component;
}

}  // namespace

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

std::string netns_directory_name(const std::string& netns) {
    return std::string(kNetns) + encode_pin_name(netns);
}

std::optional<std::string> netns_of_directory_name(const std::string& component) {
    if (!component.starts_with(kNetns)) {
        return std::nullopt;
    }
    std::string name = decode_pin_name(std::string_view(component).substr(kNetns.size()));
    return check_netns_name(name) ? std::optional(std::move(name)) : std::nullopt;
}

std::string namespace_directory_of(const std::string& directory) {
    const std::string parent = directory_of(directory);
    return netns_of_directory_name(name_of(parent)) ? parent : std::string();
}

std::string component_map_pin(std::uint32_t program_id, std::string_view name) {
    return make_pin(kMap, program_id, name);
}

std::string component_link_pin(std::uint32_t program_id, std::string_view name) {
    return make_pin(kLink, program_id, name);
}

std::optional<ComponentPin> parse_component_map_pin(std::string_view pin) {
    return parse_pin(kMap, pin);
}

std::optional<ComponentPin> parse_component_link_pin(std::string_view pin) {
    return parse_pin(kLink, pin);
}

}  // namespace tally
