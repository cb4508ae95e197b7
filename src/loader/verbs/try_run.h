// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Runs a program on packets without attaching it (BPF_PROG_TEST_RUN, kernel 4.12): a unit test of an XDP
// program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/pins/counters.h"
#include "loader/object/chosen_program.h"

namespace tally::loader {

struct TryRunOutcome {
    std::string program;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    // What the program returned; what is no verdict counts as XDP_ABORTED, as in the kernel.
    Counters verdicts = {};
    std::vector<std::string> notes;
};

// `packets`: as in open_packets. Loads the program with maps of its own that nobody else sees and that are
// gone afterwards. kSystem for a packet that the kernel does not take: its number and size are named.
Result<TryRunOutcome> try_run(const ProgramChoice& choice, const std::string& packets);

// A table for people; one JSON object.
std::string format_try_run(const TryRunOutcome& outcome);
std::string format_try_run_json(const TryRunOutcome& outcome);

}  // namespace tally::loader
