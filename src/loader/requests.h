// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the verbs are asked to do. Knows no BPF.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/pins/abi_names.h"

namespace tally::loader {

// Which program is to be loaded.
struct ProgramChoice {
    Action action = Action::kPass;  // the built-in program's verdict
    std::string redirect_to;        // interface name; with Action::kRedirect
    std::string filename;           // empty: the built-in program
    std::string progname;           // which function of the file
    std::string section;            // or the first in this section; both empty: the file's default
};

enum class ModeChoice { kAuto, kNative, kGeneric, kOffload };
enum class AttachChoice { kAuto, kDispatcher, kLink };

struct LoadRequest {
    ProgramChoice program;
    ModeChoice mode = ModeChoice::kAuto;
    AttachChoice attach = AttachChoice::kAuto;
    std::optional<std::uint32_t> priority;       // in a dispatcher; lower runs earlier
    std::optional<std::uint32_t> chain_actions;  // a bit for each verdict after which the next program runs
    bool reuse_maps = false;
    std::vector<std::string> new_maps;  // with reuse_maps: maps that start empty all the same
    bool force = false;                 // also in the place of somebody else's program
    bool for_command = false;           // for as long as a command runs
    bool dry_run = false;
    bool verbose = false;
};

struct RemovalRequest {
    std::optional<std::uint32_t> program_id = {};  // the program to detach; none: ours
    bool keep_maps = false;                        // leave the maps pinned
    bool dry_run = false;
};

struct ObserveRequest {
    bool follow = false;  // the caller is going to renew it whenever the observed program is replaced
    bool dry_run = false;
};

}  // namespace tally::loader
