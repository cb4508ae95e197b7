// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The command line of xdp_stats; option_table.h describes its options. Knows no BPF.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/options/early_exit.h"
#include "stats/cli/listen_address.h"
#include "stats/expect/expression.h"
#include "stats/model/totals.h"
#include "stats/output/format.h"
#include "stats/source/read_request.h"

namespace tally::stats {

struct Options {
    std::vector<Source> sources;       // devices, pins, ids, each in the order they were given
    bool all = false;                  // every counter map below the root of bpffs, instead
    std::optional<std::string> netns;  // where the devices are: name or path; none: the current namespace
    std::chrono::nanoseconds interval = {};
    std::optional<std::uint64_t> count;  // samples to take; none: until interrupted
    bool once = false;
    bool live = false;                    // full screen
    std::optional<ListenAddress> listen;  // serve metrics there
    std::optional<std::string> user;      // to go on as
    std::optional<std::string> output;    // the file that samples replace; none: stdout
    Format format = Format::kTable;
    bool per_cpu = false;
    bool per_program = false;
    Totals totals = Totals::kMap;
    bool cost = false;  // what the programs cost, too
    bool wait = false;
    std::vector<Expectation> expectations;  // with any, no samples are shown
    // For them, or for what `wait` waits for; none: no limit. As it was typed, too.
    std::optional<std::chrono::nanoseconds> within;
    std::string within_text;
    std::chrono::nanoseconds settle = {};  // for so long they have to hold
    std::string settle_text;
    bool quiet = false;
    bool verbose = false;
    std::string bpffs;
};

// What is to be done, or why nothing is.
std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv);

}  // namespace tally::stats
