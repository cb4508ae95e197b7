// The program that the options ask for: a file's, or the built-in one.
#pragma once

#include "common/result.h"
#include "loader/options.h"
#include "loader/program_object.h"

namespace tally::loader {

// The built-in program in this variant; a file says itself what it is.
Result<ProgramObject> open_chosen_program(const Options& options, Variant variant, Company company);

// After load(): writes options.redirect_to into the built-in program's map. Nothing for any other program.
Result<void> aim_redirect(const Options& options, const ProgramObject& object);

}  // namespace tally::loader
