// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The interfaces that a command line names with --dev and --netns. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace tally {

struct NamedDevice {
    std::optional<std::string> netns;  // name or path; none: where the command was started
    std::string name;
};

// "NETNS/IFACE" is the interface IFACE there: no interface has a '/' in its name. What has none is in
// `netns`, the value of --netns. kUsage where the two name different ones.
Result<std::vector<NamedDevice>> read_devices(const std::vector<std::string>& devices,
                                              const std::optional<std::string>& netns);

// Devices of one network namespace.
struct DeviceGroup {
    std::optional<std::string> netns;
    std::vector<std::string> names;
    std::vector<std::size_t> places;  // of the names: which device of the command line each is
};

// In the order in which the namespaces were first named.
std::vector<DeviceGroup> group_by_netns(const std::vector<NamedDevice>& devices);

}  // namespace tally
