// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Directories of the file system.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace tally {

// Names below a directory, without "." and "..", sorted.
Result<std::vector<std::string>> list_directory(const std::string& path);

}  // namespace tally
