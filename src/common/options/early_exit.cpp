// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/options/early_exit.h"

#include <fmt/format.h>

#include <cstdio>

#include "common/base/error_report.h"

namespace tally {

EarlyExit usage_exit(std::string_view program, Error error, bool json) {
    if (error.hint.empty()) {
        error.hint = fmt::format("`{} --help` lists the options", program);
    }
    return EarlyExit{exit_status(ErrorKind::kUsage), format_error(program, error, json)};
}

int exit_early(std::string_view program, const EarlyExit& exit) {
    if (exit.status != 0) {
        std::fputs(exit.message.c_str(), stderr);  // the status tells as well
        return exit.status;
    }
    if (std::fputs(exit.message.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
        const Error error = last_error("writing to stdout");
        print_error(program, error);
        return exit_status(error.kind);
    }
    return exit.status;
}

}  // namespace tally
