// How an Error reaches the person at the terminal; only main() and the loop under it print errors.
#pragma once

#include <string_view>

#include "common/error.h"

namespace tally {

// On stderr: "<program>: <what>: <reason>", then the details indented, then "hint: ..." where there is one.
void print_error(std::string_view program, const Error& error);

}  // namespace tally
