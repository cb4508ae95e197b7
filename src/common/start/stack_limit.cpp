// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/start/stack_limit.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <optional>

namespace tally {
namespace {

constexpr rlim_t kUsualStack = rlim_t{8} << 20U;  // the kernel's own default
constexpr rlim_t kLeastStack = rlim_t{512}
                               << 10U;  // loads and samples take 80 KiB, the command line at most 128

std::optional<rlimit> g_inherited_stack;

// The C library has looked at the limit before.
void give_threads(rlim_t size) {
    pthread_attr_t attributes;
    if (::pthread_attr_init(&attributes) != 0) {
        return;
    }
    if (::pthread_attr_setstacksize(&attributes, size) == 0) {
        static_cast<void>(::pthread_setattr_default_np(&attributes));
    }
    ::pthread_attr_destroy(&attributes);
}

}  // namespace

bool raise_stack_limit() {
    rlimit limit = {};
    if (::getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kUsualStack) {
        return true;
    }
    rlimit raised = limit;
    raised.rlim_cur = std::min(limit.rlim_max, kUsualStack);
    if (raised.rlim_cur > limit.rlim_cur && ::setrlimit(RLIMIT_STACK, &raised) == 0) {
        g_inherited_stack = limit;
        limit = raised;
    }
    if (limit.rlim_cur < kLeastStack) {
        return false;
    }
    give_threads(limit.rlim_cur);
    return true;
}

void restore_stack_limit() {
    if (g_inherited_stack) {
        static_cast<void>(::setrlimit(RLIMIT_STACK, &*g_inherited_stack));
    }
}

}  // namespace tally
