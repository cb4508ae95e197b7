// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/cli/stop_signal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <initializer_list>

namespace tally::stats {
namespace {

volatile std::sig_atomic_t g_stop = 0;
int g_descriptor = -1;

void request_stop(int) {
    const int saved = errno;
    g_stop = 1;
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(g_descriptor, &one, sizeof(one));
    errno = saved;
}

// ncurses repeats a write that a signal has ended. So that the next one does not wait again, where output was
// stopped by Ctrl-S or nobody takes it, what was not taken yet is given up, every second until the end.
void release_terminal(int signal) {
    const int saved = errno;
    request_stop(signal);
    ::signal(SIGTTOU, SIG_IGN);  // or a job in the background would be stopped as it restores the terminal
    ::tcflow(STDOUT_FILENO, TCOOFF);  // without it, TCOON does not undo a Ctrl-S
    ::tcflow(STDOUT_FILENO, TCOON);
    ::tcflush(STDOUT_FILENO, TCOFLUSH);
    ::alarm(1);
    errno = saved;
}

void stop_on(std::initializer_list<int> signals, void (*handler)(int)) {
    struct sigaction action = {};
    action.sa_handler = handler;  // no SA_RESTART: a blocked write must end, too
    for (const int signal : signals) {
        sigaction(signal, &action, nullptr);
    }
}

}  // namespace

Result<void> install_stop_signals() {
    g_descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (g_descriptor < 0) {
        return last_error("setting up signal handling");
    }
    stop_on({SIGINT, SIGTERM}, request_stop);
    return {};
}

void stop_on_terminal_signals() {
    stop_on({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM}, release_terminal);
}

int stop_descriptor() {
    return g_descriptor;
}

bool stop_requested() {
    return g_stop != 0;
}

bool wait_until_writable(int descriptor) {
    std::array<pollfd, 2> ready = {{{descriptor, POLLOUT, 0}, {g_descriptor, POLLIN, 0}}};
    while (::poll(ready.data(), ready.size(), -1) < 0) {
        if (errno != EINTR) {
            return true;  // writing will tell
        }
    }
    return ready[0].revents != 0;
}

bool wait_for_stop(std::chrono::milliseconds time) {
    pollfd stop = {g_descriptor, POLLIN, 0};
    ::poll(&stop, 1, static_cast<int>(time.count()));
    return stop_requested();
}

}  // namespace tally::stats
