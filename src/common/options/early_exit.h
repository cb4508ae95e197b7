// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The program ends before it has begun: --help, --version, or a usage error.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"

namespace tally {

struct EarlyExit {
    int status = 0;
    std::string message;  // stdout where status is 0, stderr otherwise
};

// Without a hint of its own, the error's is where the options are listed. `json`: see format_error.
EarlyExit usage_exit(std::string_view program, Error error, bool json);

// Prints the message: the exit status, 1 where stdout does not take it.
int exit_early(std::string_view program, const EarlyExit& exit);

}  // namespace tally
