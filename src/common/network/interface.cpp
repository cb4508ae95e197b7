// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/interface.h"

#include <fmt/format.h>
#include <net/if.h>
// After the C library's header, whose names it then leaves out.
#include <linux/if.h>

#include <algorithm>
#include <cctype>

#include "common/base/device_name.h"

namespace tally {

std::string explain_name(const std::string& name) {
    if (const auto alone = name_in_ip_link(name); alone != name && !alone.empty()) {
        return fmt::format("`ip link` shows more than the name, which is {}", alone);
    }
    return name.find(',') == std::string::npos ? std::string()
                                               : "repeat --dev for each of several interfaces";
}

Result<void> check_interface_name(const std::string& name) {
    const std::string what = fmt::format("looking for interface '{}'", name);
    if (name.empty()) {
        return make_error(ErrorKind::kUsage, what, "the name is empty");
    }
    if (name.size() >= IFNAMSIZ) {
        return make_error(ErrorKind::kUsage, what,
                          fmt::format("the name has {} bytes, the longest an interface can have is {}",
                                      name.size(), IFNAMSIZ - 1))
            .with_hint(explain_name(name));
    }
    const auto unfit = [](unsigned char c) { return c == '/' || c == ':' || std::isspace(c) != 0; };
    if (name == "." || name == ".." || std::any_of(name.begin(), name.end(), unfit)) {
        return make_error(
                   ErrorKind::kUsage, what,
                   "no interface can have this name as its own ('/', ':', blanks, '.' and '..' are not "
                   "allowed)")
            .with_hint(explain_name(name));
    }
    return {};
}

}  // namespace tally
