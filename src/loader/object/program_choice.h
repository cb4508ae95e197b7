// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which program is to be loaded. Knows no BPF.
#pragma once

#include <string>

#include "common/pins/abi_names.h"

namespace tally::loader {

struct ProgramChoice {
    Action action = Action::kPass;  // the built-in program's verdict
    std::string redirect_to;        // interface name; with Action::kRedirect
    std::string filename;           // empty: the built-in program
    std::string progname;           // empty: the first XDP program of the file
};

}  // namespace tally::loader
