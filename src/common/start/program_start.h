// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What both programs do before anything else, and with what nobody caught.
#pragma once

#include <functional>

namespace tally {

// Takes the numbers of closed streams, raises the limits of stack and descriptors, and does the work: the
// exit status. An exception is an error that is told, with status 1; as JSON once `work` has said so.
int run_program(const std::function<int(bool& json)>& work);

// From now on writing to a closed pipe fails, as elsewhere, and does not end the process: what it is doing
// has to come to its end.
void report_closed_pipes();

}  // namespace tally
