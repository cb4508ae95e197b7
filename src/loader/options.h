// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The command line of xdp_loader; option_table.h describes its options. Knows no BPF.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/options/early_exit.h"
#include "common/pins/abi_names.h"
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
    Action action = Action::kPass;  // the built-in program's verdict
    std::string redirect_to;        // interface name; with Action::kRedirect
    std::string filename;           // empty: the built-in program
    std::string progname;           // which function of the file
    std::string section;            // or the first in this section; both empty: the file's default
    ModeChoice mode = ModeChoice::kAuto;
    AttachChoice attach = AttachChoice::kAuto;
    std::optional<std::uint32_t> priority;       // in a dispatcher; lower runs earlier
    std::optional<std::uint32_t> chain_actions;  // a bit for each verdict after which the next program runs
    std::optional<std::uint32_t> unload_id;
    std::vector<std::string> command;    // with kRun
    std::optional<std::string> try_run;  // with kTryRun: how many packets, or the file they are in
    bool reuse_maps = false;
    std::vector<std::string> new_maps;  // with reuse_maps: maps that start empty all the same
    bool follow = false;                // with kObserve: observe replacements, too, until interrupted
    bool force = false;
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
