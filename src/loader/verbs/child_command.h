// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A command that is run and waited for, as a shell would.
#pragma once

#include <string>
#include <vector>

#include "common/base/unique_fd.h"

namespace tally::loader {

inline constexpr int kCannotExecute = 126;
inline constexpr int kCommandNotFound = 127;

// Runs it in the network namespace `netns` (if any) with this process's standard streams, and returns its
// exit status: 128 + the signal's number where one ended it, 126 or 127, with a word on stderr, where it
// cannot be run. Meanwhile SIGTERM, SIGHUP, SIGINT and SIGQUIT are handed on to it, unless the terminal has
// sent them to it already; if this process is killed, it gets SIGTERM. They stay blocked afterwards, so that
// what has to be done then is done.
int run_child_command(const std::vector<std::string>& command, const UniqueFd& netns);

}  // namespace tally::loader
