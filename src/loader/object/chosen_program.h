// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The program that the options ask for: a file's, or the built-in one.
#pragma once

#include "common/base/result.h"
#include "loader/object/program_object.h"
#include "loader/options.h"

namespace tally::loader {

// The built-in program in this variant; a file says itself what it is.
Result<ProgramObject> open_chosen_program(const Options& options, Variant variant, HookSharing sharing);

// After load(): writes options.redirect_to into the built-in program's map. Nothing for any other program.
Result<void> set_redirect_target(const Options& options, const ProgramObject& object);

}  // namespace tally::loader
