// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/verbs/child_command.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/base/error.h"
#include "common/base/error_report.h"
#include "common/bpf/dispatcher_directory.h"
#include "common/start/descriptor_limit.h"
#include "common/start/stack_limit.h"

namespace tally::loader {
namespace {

constexpr int kSignalled = 128;
constexpr std::array kHeldSignals = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};

sigset_t waited_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    for (const int number : kHeldSignals) {
        sigaddset(&signals, number);
    }
    return signals;
}

// The signal that would have ended this process by now; 0 where none would.
int pending_signal(const InheritedSignals& inherited) {
    sigset_t pending;
    ::sigpending(&pending);
    for (const int number : kHeldSignals) {
        struct sigaction action = {};
        ::sigaction(number, nullptr, &action);
        const bool is_ignored = action.sa_handler == SIG_IGN || sigismember(&inherited.mask, number) == 1;
        if (sigismember(&pending, number) == 1 && !is_ignored) {
            return number;
        }
    }
    return 0;
}

[[noreturn]] void exec_command(const std::vector<std::string>& command, const UniqueFd& netns,
                               const InheritedSignals& inherited, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) {
        ::_exit(kSignalled + SIGTERM);  // it was killed before we asked to be told
    }
    ::sigaction(SIGCHLD, &inherited.on_child, nullptr);
    ::sigprocmask(SIG_SETMASK, &inherited.mask, nullptr);
    restore_environment();
    restore_descriptor_limit();
    restore_stack_limit();
    std::vector<char*> words;
    words.reserve(command.size() + 1);
    for (const auto& word : command) {
        words.push_back(const_cast<char*>(word.c_str()));
    }
    words.push_back(nullptr);
    if (!netns || ::setns(netns.get(), CLONE_NEWNET) == 0) {
        ::execvp(words.front(), words.data());
    }
    const auto error = last_error("running '{}'", command.front());
    print_error("xdp_loader", error);
    ::_exit(error.code == ENOENT ? kCommandNotFound : kCannotExecute);
}

}  // namespace

InheritedSignals hold_signals() {
    const sigset_t signals = waited_signals();
    InheritedSignals inherited;
    ::sigprocmask(SIG_BLOCK, &signals, &inherited.mask);
    // Where the caller ignores SIGCHLD, nobody is told of the end, and there is nothing to wait for.
    struct sigaction usual = {};
    usual.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &usual, &inherited.on_child);
    return inherited;
}

int run_child_command(const std::vector<std::string>& command, const UniqueFd& netns,
                      const InheritedSignals& inherited) {
    if (const int number = pending_signal(inherited); number != 0) {
        return kSignalled + number;
    }
    const sigset_t signals = waited_signals();
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) {
        print_error("xdp_loader", last_error("running '{}'", command.front()));
        return kCannotExecute;
    }
    if (child == 0) {
        exec_command(command, netns, inherited, parent);
    }
    for (;;) {
        int status = 0;
        if (::waitpid(child, &status, WNOHANG) == child) {
            return WIFSIGNALED(status) ? kSignalled + WTERMSIG(status) : WEXITSTATUS(status);
        }
        siginfo_t info = {};
        const int number = ::sigwaitinfo(&signals, &info);
        // SI_KERNEL: the terminal, which tells all processes in its foreground, but of a hangup only the
        // first of its session.
        const bool knows = info.si_code == SI_KERNEL && number != SIGHUP;
        if (number > 0 && number != SIGCHLD && !knows) {
            ::kill(child, number);
        }
    }
}

}  // namespace tally::loader
