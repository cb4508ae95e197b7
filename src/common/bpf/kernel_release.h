// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The running kernel's version: for the few things that it cannot be asked about in any other way.
#pragma once

namespace tally {

// False, too, where the version cannot be told.
bool kernel_is_before(unsigned major, unsigned minor);

}  // namespace tally
