// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/guardian.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>

#include "loader/verbs/unattended.h"

namespace tally::loader {
namespace {

struct Message {
    enum class Kind : std::uint32_t { kReady, kTold, kDismissed } kind = Kind::kReady;
    std::uint32_t number = 0;  // with kTold
};

// None where the other side has gone.
std::optional<Message> receive(const UniqueFd& socket) {
    Message message;
    ssize_t size = 0;
    do {
        size = ::read(socket.get(), &message, sizeof message);
    } while (size < 0 && errno == EINTR);
    return size == sizeof message ? std::optional(message) : std::nullopt;
}

// In vain where the other side has gone, which it learns by other ways.
void send(const UniqueFd& socket, const Message& message) {
    (void)::send(socket.get(), &message, sizeof message, MSG_NOSIGNAL);
}

[[noreturn]] void wait_and_act(const UniqueFd& lifeline, const Guardian::LastWill& last_will) {
    leave_session();
    std::signal(SIGTERM, SIG_IGN);
    send(lifeline, {Message::Kind::kReady});
    std::vector<std::uint32_t> told;
    while (const auto message = receive(lifeline)) {
        if (message->kind == Message::Kind::kDismissed) {
            ::_exit(0);
        }
        told.push_back(message->number);
    }
    last_will(told);
    ::_exit(0);
}

}  // namespace

Result<Guardian> Guardian::start(const LastWill& last_will) {
    std::array<int, 2> ends = {};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
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
    if (!receive(writing)) {
        ::waitpid(pid, nullptr, 0);
        return make_error(ErrorKind::kSystem, "starting a guardian process", "it has ended already");
    }
    return Guardian(pid, std::move(writing));
}

void Guardian::tell(std::uint32_t number) const {
    send(lifeline_, {Message::Kind::kTold, number});
}

Guardian::~Guardian() {
    if (!lifeline_) {
        return;  // moved from
    }
    send(lifeline_, {Message::Kind::kDismissed});
    lifeline_.reset();
    ::waitpid(pid_, nullptr, 0);
}

}  // namespace tally::loader
