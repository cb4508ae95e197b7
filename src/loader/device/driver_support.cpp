// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/driver_support.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/base/unique_fd.h"

namespace tally::loader {
namespace {

// False where it is refused, as by interfaces whose driver has nothing for ethtool.
template <typename Command>
bool ask_ethtool(const std::string& interface, Command& command) {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request = {};
    interface.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_data = reinterpret_cast<char*>(&command);
    return socket && ::ioctl(socket.get(), SIOCETHTOOL, &request) == 0;
}

std::optional<DeviceFeatures> features_of(std::uint32_t ifindex) {
    auto features = query_device_features(ifindex);
    return features ? *features : std::nullopt;
}

}  // namespace

std::string driver_name(const std::string& interface) {
    ethtool_drvinfo info = {};
    info.cmd = ETHTOOL_GDRVINFO;
    if (!ask_ethtool(interface, info)) {
        return {};
    }
    const std::string_view name(std::data(info.driver), std::size(info.driver));
    return std::string(name.substr(0, name.find('\0')));
}

bool gro_is_on(const std::string& interface) {
    ethtool_value value = {ETHTOOL_GGRO, 0};
    return ask_ethtool(interface, value) && value.data != 0;
}

std::optional<bool> driver_has(std::uint32_t ifindex, XdpFeature feature) {
    const auto features = features_of(ifindex);
    return features ? std::optional(features->has(feature)) : std::nullopt;
}

std::string describe_driver(const Interface& interface, XdpFeature wanted) {
    const auto features = features_of(interface.ifindex);
    return features ? describe_driver(driver_name(interface.name), *features, wanted) : std::string();
}

std::string describe_driver(std::string_view name, const DeviceFeatures& features, XdpFeature wanted) {
    std::string text = name.empty() ? "the driver" : fmt::format("the driver ({})", name);
    for (const auto& feature : kXdpFeatureNames) {
        if (feature.bit == wanted && !features.has(wanted)) {
            text += fmt::format(" lacks {}, and", feature.words);
        }
    }
    const auto has = words_of(features);
    return text + (has.empty() ? " has no XDP features" : fmt::format(" has {}", fmt::join(has, ", ")));
}

}  // namespace tally::loader
