// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// stdin, stdout and stderr of a process that was started without them.
#pragma once

namespace tally {

// Takes the numbers of the closed ones, so that nothing that is opened later gets them, and what is written
// to stdout or stderr ends up there. Reading and writing fail as before, and a program that this process
// becomes has them closed. False where one could not be taken: then nothing may be opened.
bool occupy_closed_streams();

}  // namespace tally
