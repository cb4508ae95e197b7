// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// An error of a process that has neither memory nor stack to spare.
#pragma once

namespace tally {

// "<program>: <what>" on stderr, in one write and without memory; as a JSON object as format_error has it,
// where `json`. `what` has nothing that JSON would quote.
void print_plain_error(const char* what, bool json = false) noexcept;

}  // namespace tally
