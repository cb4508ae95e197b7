// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/rcu_grace_period.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace tally::loader {

// XDP runs under RCU, and MEMBARRIER_CMD_GLOBAL (kernel 4.3) waits for a grace period. Kernels booted with
// nohz_full= refuse it (EINVAL); there a pause far longer than any XDP program runs has to do.
void wait_for_running_programs() {
    if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) {
        const timespec pause = {0, 50'000'000};
        ::nanosleep(&pause, nullptr);
    }
}

}  // namespace tally::loader
