#include "stats/printer.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "stats/stop_signal.h"

namespace tally::stats {

Result<bool> write_record(std::string_view record) {
    while (!record.empty()) {
        const auto written = ::write(STDOUT_FILENO, record.data(), record.size());
        if (written >= 0) {
            record.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            std::array<pollfd, 2> ready = {{{STDOUT_FILENO, POLLOUT, 0}, {stop_descriptor(), POLLIN, 0}}};
            ::poll(ready.data(), ready.size(), -1);
        } else if (errno == EPIPE) {
            return false;
        } else if (errno != EINTR) {
            return last_error("writing to stdout");
        }
        if (stop_requested() && !record.empty()) {
            return false;
        }
    }
    return true;
}

Result<bool> Printer::take(std::size_t /*source*/, const Block* block) {
    if (block == nullptr) {
        return true;
    }
    buffer_.clear();
    output_.append(buffer_, *block);
    return write_record({buffer_.data(), buffer_.size()});
}

Result<void> print_once(std::vector<Reader>& readers, Output& output) {
    Printer printer(output);
    for (std::size_t i = 0; i < readers.size(); ++i) {
        TALLY_TRY_ASSIGN(go_on, printer.take(i, &readers[i].first_reading()));
        if (!go_on) {
            break;
        }
    }
    return {};
}

}  // namespace tally::stats
