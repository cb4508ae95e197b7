// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/unattended.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "common/base/unique_fd.h"

namespace tally::loader {

void leave_session() {
    ::setsid();
    for (const int number : {SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) {
        std::signal(number, SIG_IGN);
    }
    const UniqueFd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        ::dup2(nowhere.get(), stream);
    }
    [[maybe_unused]] const int at_root = ::chdir("/");
}

void close_all_but(int fd) {
    constexpr unsigned kFirst = STDERR_FILENO + 1;
    const auto kept = static_cast<unsigned>(fd);
    if (kept > kFirst) {
        ::syscall(SYS_close_range, kFirst, kept - 1, 0);
    }
    ::syscall(SYS_close_range, kept + 1, ~0U, 0);
}

}  // namespace tally::loader
