// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The status of several devices for people: a line each, in the order given. Pure.
#pragma once

#include <string>
#include <vector>

#include "loader/outcome.h"

namespace tally::loader {

// Columns below their titles, as wide as needed, "-" for what there is not. Then what is wrong and no column
// tells, by `warnings`, and which command says what to do; it takes `root_option` (NetnsContext), where there
// is one. Devices that failed are left out: their errors go to stderr. Empty without any
// device.
std::string format_status_list(const std::vector<Outcome>& outcomes, bool warnings,
                               const std::string& root_option = {});

}  // namespace tally::loader
