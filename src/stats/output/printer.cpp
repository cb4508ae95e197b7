// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/output/printer.h"

#include <unistd.h>

#include <cerrno>

#include "stats/cli/stop_signal.h"

namespace tally::stats {

Result<bool> write_to_stdout(std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            wait_until_writable(STDOUT_FILENO);
        } else if (errno == EPIPE) {
            return false;
        } else if (errno != EINTR) {
            return last_error("writing to stdout");
        }
        if (stop_requested() && !text.empty()) {
            return false;
        }
    }
    return true;
}

Result<bool> Printer::take(std::size_t /*source*/, const SampleReport& report) {
    if (report.readable || output_.takes_unreadable()) {
        output_.append(buffer_, report);
    }
    return file_ != nullptr ? Result<bool>(true) : flush();
}

Result<bool> Printer::end_round() {
    output_.append_round(buffer_);
    auto written = flush();
    if (file_ != nullptr) {
        output_.start_anew();
    }
    return written;
}

Result<bool> Printer::flush() {
    const std::string_view text(buffer_.data(), buffer_.size());
    bool go_on = true;
    if (file_ != nullptr) {
        TALLY_TRY(file_->write(text));  // also of a round without samples
    } else if (!text.empty()) {
        TALLY_ASSIGN_OR_RETURN(go_on, write_to_stdout(text));
    }
    buffer_.clear();
    return go_on;
}

}  // namespace tally::stats
