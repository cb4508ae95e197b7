// The target of the built-in redirecting program.
#pragma once

#include "common/result.h"
#include "loader/options.h"
#include "loader/program_object.h"

namespace tally::loader {

// After load(): writes options.redirect_to into the built-in program's map. Nothing for any other program.
Result<void> aim_redirect(const Options& options, const ProgramObject& object);

}  // namespace tally::loader
