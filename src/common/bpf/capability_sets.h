// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The capability sets of the calling thread, as capget(2) and capset(2) have them.
#pragma once

#include <linux/capability.h>

#include <array>

#include "common/base/result.h"

namespace tally {

// CAP_TO_INDEX(capability) leads to the part that CAP_TO_MASK(capability) is a bit of.
using CapabilitySets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

Result<CapabilitySets> read_capability_sets();
// Whether the calling thread has it in effect; true where that cannot be told: the kernel has the last word.
bool has_capability(unsigned int capability);
// Other threads of the process keep theirs. kPermission for what is not permitted.
Result<void> set_capability_sets(const CapabilitySets& sets);

}  // namespace tally
