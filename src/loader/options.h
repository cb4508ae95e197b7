// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The command line of xdp_loader; option_table.h describes its options. Knows no BPF.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/options/early_exit.h"
#include "common/pins/device_option.h"
#include "loader/requests.h"

namespace tally::loader {

enum class Verb {
    kLoad,
    kObserve,
    kUnload,
    kStatus,
    kClean,
    kRun,
    kTryRun,
    kListPrograms,
    kFeatures,
    kTrackDelivery,
    kUntrackDelivery,
};

struct Options {
    Verb verb = Verb::kLoad;
    std::vector<NamedDevice> devices;
    std::optional<std::string>
        netns;  // of all interfaces, where none is named: name or path; none: the current one
    LoadRequest load;
    std::optional<std::uint32_t> unload_id;
    std::vector<std::string> command;    // with kRun
    std::optional<std::string> try_run;  // with kTryRun: how many packets, or the file they are in
    bool follow = false;                 // with kObserve: observe replacements, too, until interrupted
    bool keep_maps = false;
    bool dry_run = false;
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::string bpffs;
};

// What is to be done, or why nothing is.
std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv);

}  // namespace tally::loader
