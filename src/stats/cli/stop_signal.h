// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// SIGINT and SIGTERM end a run cleanly: they interrupt system calls that block, and make a descriptor
// readable.
#pragma once

#include <chrono>

#include "common/base/result.h"

namespace tally::stats {

// From now on SIGINT and SIGTERM ask the run to end. To be called once.
Result<void> install_stop_signals();

// For the full-screen view: SIGHUP and SIGQUIT end the run in the same way, and a terminal that takes no
// output does not keep it from ending.
void stop_on_terminal_signals();

// Readable from the first signal on.
int stop_descriptor();
bool stop_requested();

// Waits until a pipe or terminal takes something. False: it does not, and a signal came first.
bool wait_until_writable(int descriptor);

// True when a signal came within this time, or before.
bool wait_for_stop(std::chrono::milliseconds time);

}  // namespace tally::stats
