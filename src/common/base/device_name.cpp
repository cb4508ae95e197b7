// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/device_name.h"

namespace tally {

std::string with_netns(const std::string& netns, const std::string& interface) {
    return netns.empty() ? interface : netns + '/' + interface;
}

}  // namespace tally
