// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/object_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

namespace tally::loader {
namespace {

// Processor time. The largest objects in use take a fraction of a second.
constexpr rlim_t kSeconds = 10;

[[noreturn]] void run_child(pid_t parent, const std::function<void()>& rehearsal) {
    // It holds the parent's lock, too: it must not outlive the parent.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) {
        ::_exit(1);
    }
    const rlimit time = {kSeconds, kSeconds + 1};
    const rlimit no_core = {0, 0};
    ::setrlimit(RLIMIT_CPU, &time);
    ::setrlimit(RLIMIT_CORE, &no_core);
    // A sanitizer's or the C library's last words are not for the user.
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    rehearsal();
    ::_exit(0);
}

std::string describe_end(int status) {
    if (!WIFSIGNALED(status)) {
        return "libbpf crashed on it";
    }
    const int number = WTERMSIG(status);
    if (number == SIGXCPU || number == SIGKILL) {
        return "libbpf does not come to an end with it";
    }
    return fmt::format("libbpf crashed on it ({})", ::strsignal(number));
}

}  // namespace

Result<void> check_object(const std::string& what, const std::function<void()>& rehearsal) {
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) {
        return last_error(what + ": starting a process that tries it first");
    }
    if (child == 0) {
        run_child(parent, rehearsal);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return last_error(what + ": waiting for the process that tries it first");
        }
    }
    if (status != 0) {
        return make_error(ErrorKind::kSystem, what, "it is damaged: " + describe_end(status))
            .with_hint("compile it anew; `llvm-readelf -S FILE` shows what is in it");
    }
    return {};
}

}  // namespace tally::loader
