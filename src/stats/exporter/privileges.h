// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Giving up what a server that listens to everybody must not have.
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"

namespace tally::stats {

// For the whole process, and for good: it becomes `user`, if one is given and it is another, without its
// supplementary groups, and all capabilities are dropped, but for CAP_NET_BIND_SERVICE if `keep_low_ports`,
// and for CAP_BPF on kernels before 5.19, which let nobody read a map without it. To be called before there
// are threads. kNotFound where there is no such user; kPermission where this one may not become another.
Result<void> drop_privileges(const std::optional<std::string>& user, bool keep_low_ports);

}  // namespace tally::stats
