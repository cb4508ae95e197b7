// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/bpf/kernel_release.h"

#include <sys/utsname.h>

#include <cstdio>
#include <utility>

namespace tally {

bool kernel_is_before(unsigned major, unsigned minor) {
    utsname kernel = {};
    unsigned major_now = 0;
    unsigned minor_now = 0;
    // NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers
    return ::uname(&kernel) == 0 &&
           std::sscanf(static_cast<const char*>(kernel.release), "%u.%u", &major_now, &minor_now) == 2 &&
           std::pair(major_now, minor_now) < std::pair(major, minor);
}

}  // namespace tally
