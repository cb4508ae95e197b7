// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the user is told: outcomes and errors, as the options ask for them.
#pragma once

#include <string>

#include "common/base/error.h"
#include "loader/options.h"
#include "loader/outcome.h"

namespace tally::loader {

inline constexpr const char* kProgram = "xdp_loader";

// --quiet does not withhold what was asked for.
template <typename Any>
Any without_notes(Any outcome) {
    outcome.notes.clear();
    return outcome;
}

// The status of several devices is told at the end, in lines that belong together.
bool is_list(const Options& options);

// As soon as it is known, on stderr or stdout; with --json only an error is. With --run stdout is the
// command's.
void report(const Options& options, const Outcome& outcome);

// Tells the error: its exit status.
int fail(const Options& options, const Error& error);

// What stdout does not take is told by write_outcome().
void write_to_stdout(const std::string& text);

// The exit status: 1 where stdout did not take all of it, with what was written before.
int write_outcome(const Options& options, const std::string& text);

}  // namespace tally::loader
