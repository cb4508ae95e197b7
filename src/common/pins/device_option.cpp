// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/device_option.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/pins/netns_context.h"

namespace tally {
namespace {

bool is_same_namespace(const std::string& left, const std::string& right) {
    if (left == right) {
        return true;
    }
    const auto one = inode_of_netns(left);
    const auto other = inode_of_netns(right);
    return one && other && *one != 0 && *one == *other;
}

}  // namespace

Result<std::vector<NamedDevice>> read_devices(const std::vector<std::string>& devices,
                                              const std::optional<std::string>& netns) {
    std::vector<NamedDevice> named;
    for (const auto& device : devices) {
        const auto slash = device.rfind('/');
        if (slash == std::string::npos) {
            named.push_back({netns, device});
            continue;
        }
        if (slash + 1 == device.size()) {
            return make_error(ErrorKind::kUsage, fmt::format("--dev '{}'", device),
                              "the interface's name is missing behind the network namespace");
        }
        std::string of_device = device.substr(0, slash);
        if (netns && !is_same_namespace(*netns, of_device)) {
            return make_error(ErrorKind::kUsage, fmt::format("--dev '{}' with --netns '{}'", device, *netns),
                              "they name different network namespaces");
        }
        named.push_back({netns ? netns : std::optional(std::move(of_device)), device.substr(slash + 1)});
    }
    return named;
}

std::vector<DeviceGroup> group_by_netns(const std::vector<NamedDevice>& devices) {
    std::vector<DeviceGroup> groups;
    for (std::size_t place = 0; place < devices.size(); ++place) {
        const NamedDevice& device = devices[place];
        auto group = std::find_if(groups.begin(), groups.end(),
                                  [&](const DeviceGroup& each) { return each.netns == device.netns; });
        if (group == groups.end()) {
            group = groups.insert(groups.end(), {device.netns, {}, {}});
        }
        group->names.push_back(device.name);
        group->places.push_back(place);
    }
    return groups;
}

}  // namespace tally
