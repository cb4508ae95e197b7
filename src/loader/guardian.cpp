#include "loader/guardian.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include "loader/unattended.h"

namespace tally::loader {
namespace {

constexpr char kReady = 'r';
constexpr char kDismissed = 'd';

// One word from the other side; none where it has gone.
std::optional<char> receive(const UniqueFd& socket) {
    char word = 0;
    ssize_t size = 0;
    do {
        size = ::read(socket.get(), &word, 1);
    } while (size < 0 && errno == EINTR);
    return size == 1 ? std::optional(word) : std::nullopt;
}

[[noreturn]] void wait_and_act(const UniqueFd& lifeline, const std::function<void()>& last_will) {
    leave_session();
    std::signal(SIGTERM, SIG_IGN);
    (void)::send(lifeline.get(), &kReady, 1, MSG_NOSIGNAL);
    if (receive(lifeline) != kDismissed) {
        last_will();
    }
    ::_exit(0);
}

}  // namespace

Result<Guardian> Guardian::start(const std::function<void()>& last_will) {
    std::array<int, 2> ends = {};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return last_error("making a pair of sockets");
    }
    UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0) {
        return last_error("starting a guardian process");
    }
    if (pid == 0) {
        writing.reset();
        wait_and_act(reading, last_will);
    }
    reading.reset();
    // Before it has a session of its own, what ends this process's group would end it, too.
    if (receive(writing) != kReady) {
        ::waitpid(pid, nullptr, 0);
        return make_error(ErrorKind::kSystem, "starting a guardian process", "it has ended already");
    }
    return Guardian(pid, std::move(writing));
}

Guardian::~Guardian() {
    if (!lifeline_) {
        return;  // moved from
    }
    (void)::send(lifeline_.get(), &kDismissed, 1, MSG_NOSIGNAL);  // unless somebody has killed it
    lifeline_.reset();
    ::waitpid(pid_, nullptr, 0);
}

}  // namespace tally::loader
