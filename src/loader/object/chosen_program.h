// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The program that a user asks for: a file's, or the built-in one.
#pragma once

#include <string>

#include "common/base/result.h"
#include "loader/object/program_object.h"
#include "loader/requests.h"

namespace tally::loader {

// The built-in program in this variant; a file says itself what it is.
Result<ProgramObject> open_chosen_program(const ProgramChoice& choice, Variant variant, HookSharing sharing);

// After load(): writes choice.redirect_to into the built-in program's map. Nothing for any other program.
Result<void> set_redirect_target(const ProgramChoice& choice, const ProgramObject& object);

}  // namespace tally::loader
