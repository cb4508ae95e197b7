// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which program is to be loaded. Knows no BPF.
#pragma once

#include <string>

namespace tally::loader {

struct ProgramChoice {
    std::string action = "pass";  // the built-in program's verdict
    std::string redirect_to;      // interface name; with action "redirect"
    std::string filename;         // empty: the built-in program
    std::string progname;         // empty: the first XDP program of the file
};

}  // namespace tally::loader
