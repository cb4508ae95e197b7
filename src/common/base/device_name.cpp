// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/device_name.h"

#include <algorithm>

namespace tally {

std::string with_netns(const std::string& netns, const std::string& interface) {
    return netns.empty() ? interface : netns + '/' + interface;
}

std::string name_in_ip_link(const std::string& shown) {
    const auto end = shown.ends_with(':') ? shown.size() - 1 : shown.size();
    return shown.substr(0, std::min(shown.find('@'), end));
}

}  // namespace tally
