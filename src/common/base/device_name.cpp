// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/device_name.h"

namespace tally {

std::string with_netns(const std::string& netns, const std::string& interface) {
    return netns.empty() ? interface : netns + '/' + interface;
}

std::string_view netns_of(std::string_view device) {
    const auto slash = device.find_last_of('/');
    return slash == std::string_view::npos ? std::string_view() : device.substr(0, slash);
}

}  // namespace tally
