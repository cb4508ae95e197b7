// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// How many descriptors this process may have open: RLIMIT_NOFILE.
#pragma once

#include <cstddef>

#include "common/base/result.h"

namespace tally {

// Raises the soft limit to the hard one, for this process and those that it starts. The soft limit is low for
// programs that use select(2); these here use none. Where it cannot be raised it stays. To be called once.
void raise_descriptor_limit();
// The soft limit that this process was started with, for a program that it becomes. Async-signal-safe.
void restore_descriptor_limit();

// At least `count` more descriptors can be opened; otherwise an error with EMFILE that says so. What is
// checked before a descriptor that will be kept leaves room for those that a single look takes: their
// absence would look like that of a pin. Other threads must not open any meanwhile.
Result<void> check_free_descriptors(std::size_t count, const std::string& what);

// No descriptor was left, in this process or in the whole system: what could not be opened may well be there.
inline bool lacks_descriptors(const Error& error) {
    return error.code == EMFILE || error.code == ENFILE;
}

}  // namespace tally
