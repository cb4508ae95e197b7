// Programs on the hook, in words.
#pragma once

#include <string>

#include "loader/device_state.h"
#include "loader/outcome.h"

namespace tally::loader {

// Name and tag of a program take CAP_SYS_ADMIN; our own program's name is in the metadata, for everybody.
ProgramOutcome describe_program(std::uint32_t id, const DeviceState& state);

// Who holds the hook, in one line: program id, name, mode, and the link or dispatcher behind it.
std::string describe_holder(const Interface& interface, const AttachedProgram& program);

}  // namespace tally::loader
