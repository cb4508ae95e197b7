// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/bpf/capability_sets.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace tally {

Result<CapabilitySets> read_capability_sets() {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    CapabilitySets sets = {};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) {
        return last_error("reading this process's capabilities");
    }
    return sets;
}

bool has_capability(unsigned int capability) {
    const auto sets = read_capability_sets();
    return !sets || ((*sets)[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
}

Result<void> set_capability_sets(const CapabilitySets& sets) {
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    if (::syscall(SYS_capset, &header, sets.data()) != 0) {
        return last_error("dropping capabilities");
    }
    return {};
}

}  // namespace tally
