// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Dropping the privileges that a network server must not have.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace tally::stats {

// For the whole process, and for good: it becomes `user`, if that is another one, without supplementary
// groups, and drops all capabilities, except CAP_BPF on kernels before 5.19, which require it for reading a
// map, and those of `also_kept` that it has. To be called before there are threads. kNotFound where there is
// no such user; kPermission where this user may not become another.
Result<void> drop_privileges(const std::optional<std::string>& user,
                             const std::vector<unsigned int>& also_kept = {});

}  // namespace tally::stats
