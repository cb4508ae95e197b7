#include "common/early_exit.h"

#include <fmt/format.h>

#include "common/report.h"

namespace tally {

EarlyExit usage_exit(std::string_view program, Error error, bool json) {
    if (error.hint.empty()) {
        error.hint = fmt::format("`{} --help` lists the options", program);
    }
    return EarlyExit{exit_status(ErrorKind::kUsage), format_error(program, error, json)};
}

}  // namespace tally
