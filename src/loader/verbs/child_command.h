// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A command that is run and waited for, as a shell would.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"

namespace tally::loader {

inline constexpr int kCannotExecute = 126;
inline constexpr int kCommandNotFound = 127;

// How this process was started, which is how the command is started, too.
struct InheritedSignals {
    sigset_t mask = {};
    struct sigaction on_child = {};
};

// From now on SIGTERM, SIGHUP, SIGINT and SIGQUIT do not end this process, so that what has to be done after
// the command is done: they wait for run_child_command.
InheritedSignals hold_signals();

// Runs it in the network namespace `netns` (if any) with this process's standard streams, and returns its
// exit status: 128 + the signal's number where one ended it, 126 or 127, with a word on stderr, where it
// cannot be run. Meanwhile the signals that are held are handed on to it, unless the terminal has sent them
// to it already; if this process is killed, it gets SIGTERM. Where one came before, the command is not run:
// 128 + the signal's number.
int run_child_command(const std::vector<std::string>& command, const UniqueFd& netns,
                      const InheritedSignals& inherited);

}  // namespace tally::loader
