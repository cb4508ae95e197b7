// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A forked process that goes on where its parent's user no longer looks.
#pragma once

namespace tally::loader {

// In a session of its own, out of the terminal's reach, at /, with nothing of the parent's output open: who
// waits for the end of that must not wait for this process.
void leave_session();

// Closes every descriptor from 3 on but this one (close_range, kernel 5.9).
void close_all_but(int fd);

}  // namespace tally::loader
