// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/start/program_start.h"

#include <cerrno>
#include <csignal>
#include <exception>

#include "common/base/error_report.h"
#include "common/base/exceptions.h"
#include "common/start/descriptor_limit.h"
#include "common/start/memory_reserve.h"
#include "common/start/plain_error.h"
#include "common/start/stack_limit.h"
#include "common/start/standard_streams.h"

namespace tally {
namespace {

constexpr int kFailed = exit_status(ErrorKind::kSystem);

int tell_failure(const Error& error, bool json) {
    try {
        print_error(program_invocation_short_name, error, json);
    } catch (const std::exception&) {
        print_plain_error("out of memory", json);
    }
    return kFailed;
}

// A handler, because what is ignored stays so in a program that is started.
void let_writes_fail(int number) {
    if (::signal(number, [](int) {}) == SIG_IGN) {
        ::signal(number, SIG_IGN);
    }
}

}  // namespace

void report_closed_pipes() {
    let_writes_fail(SIGPIPE);
}

int run_program(const std::function<int(bool& json)>& work) {
    if (!occupy_closed_streams()) {
        return kFailed;  // and nowhere to say so
    }
    if (!raise_stack_limit()) {
        print_plain_error("starting: the limit of the stack (RLIMIT_STACK, `ulimit -s`) is too small");
        return kFailed;
    }
    raise_descriptor_limit();
    let_writes_fail(SIGXFSZ);  // beyond RLIMIT_FSIZE
    bool json = false;
    try {
        return work(json);
    } catch (const std::exception& exception) {
        release_memory_reserve();
        return tell_failure(error_of(exception), json);
    }
}

}  // namespace tally
