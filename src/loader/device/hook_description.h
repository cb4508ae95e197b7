// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Programs on the hook, in words.
#pragma once

#include <string>

#include "common/pins/netns_context.h"
#include "loader/device/device_state.h"
#include "loader/outcome.h"

namespace tally::loader {

// Name and tag of a program take CAP_SYS_ADMIN; our own program's name is in the metadata, for everybody.
ProgramOutcome describe_program(std::uint32_t id, const DeviceState& state);

PositionOutcome describe_position(const Component& component);
// What runs on the hook, whoever attached it; of a dispatcher also its components.
HookOutcome describe_hook(const HookProgram& attached, const DeviceState& state);

// Who holds the hook, in one line: program id, name, mode, the link or dispatcher behind it, and their pins.
std::string describe_holder(const NetnsContext& context, const Interface& interface,
                            const HookProgram& program);
// What to type next where that is in the way; in the network namespace that the user named.
std::string next_command(const NetnsContext& context, const Interface& interface, const HookProgram& program,
                         bool is_dispatcher);

// Why nobody else may replace or detach it. With DeviceState::held_by_a_run().
Error explain_reserved(const std::string& what, const DeviceState& state);

}  // namespace tally::loader
