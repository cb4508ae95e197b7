// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Programs on the hook, in words.
#pragma once

#include <string>

#include "common/pins/netns_context.h"
#include "loader/device/device_state.h"
#include "loader/outcome.h"

namespace tally::loader {

// Name and tag of a program take CAP_SYS_ADMIN; our own program's name is in the meta, for everybody.
Result<ProgramOutcome> describe_program(std::uint32_t id, const DeviceState& state);

PositionOutcome describe_position(const Component& component);
// What runs on the hook, whoever attached it; of a dispatcher also its components.
Result<HookOutcome> describe_hook(const HookProgram& attached, const DeviceState& state);

// "ip", so that it works in the namespace that the user named so; empty: the command's own.
std::string ip_command(const std::string& netns);

// A program on the hook that is in the way.
struct HookHolder {
    bool has_link = false;    // which its owner alone can replace
    std::string description;  // in one line: id, name, mode, the link or dispatcher behind it, and their pins
    std::string next_command;  // what to type to end it, in the network namespace that the user named
};
// Looks through all links and pins: once for all that is to be told.
Result<HookHolder> identify_holder(const NetnsContext& context, const DeviceState& state,
                                   const HookProgram& program);

// What to type to have our program out of the way. `option` names the interface, as NetnsContext::option has
// it.
std::string keep_counts_and_detach(const std::string& option);
// The same for a dispatcher as a whole, where nothing less helps.
std::string advise_to_end_dispatcher(const std::string& option, std::uint32_t program_id);

// Where our program runs ("red/eth0"), if that is not what its pin directory is called after; else empty.
// `name` is the interface's, or what it was asked for by.
std::string describe_place(const NetnsContext& context, const DeviceState& state, const std::string& name,
                           const std::string& directory);

// Why nobody else may replace or detach it. With Ours::kReserved.
Error explain_reserved(const std::string& what, const DeviceState& state);

}  // namespace tally::loader
