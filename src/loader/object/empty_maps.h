// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Maps that an object expects its own user program to fill.
#pragma once

#include <string>

#include "loader/object/program_object.h"

namespace tally::loader {

// After load(): the redirect targets and tail calls that lead nowhere yet, for people; empty where there are
// none.
std::string describe_empty_maps(const ProgramObject& object);

}  // namespace tally::loader
