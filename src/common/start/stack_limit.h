// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// How large the stack of this process may become: RLIMIT_STACK.
#pragma once

namespace tally {

// Raises a low soft limit, as far as the hard one allows, for this process, its threads and those that it
// starts. False where that is not enough to work with: it would end by SIGSEGV at some point. To be called
// once.
bool raise_stack_limit();
// The soft limit that this process was started with, for a program that it becomes. Async-signal-safe.
void restore_stack_limit();

}  // namespace tally
