// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What an interface's driver is and has, for decisions and in words: the one place that says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/network/device_features.h"
#include "common/network/interface.h"

namespace tally::loader {

// As ethtool tells; empty where the interface has none that has a name.
std::string driver_name(const std::string& interface);
// `ethtool -k`: generic-receive-offload.
bool gro_is_on(const std::string& interface);

// None where the kernel does not tell (before 6.3), or the interface is gone.
std::optional<bool> driver_has(std::uint32_t ifindex, XdpFeature feature);

// "the driver (veth) has native mode, redirects, frags"; where `wanted` is missing, that first. Empty where
// the kernel does not tell.
std::string describe_driver(const Interface& interface, XdpFeature wanted);
// The same of what is known. Pure.
std::string describe_driver(std::string_view name, const DeviceFeatures& features, XdpFeature wanted);

}  // namespace tally::loader
