// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What is written from a table of options, other than --help. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/options/option_table.h"

namespace tally::docs {

// The section OPTIONS of a man page, for scdoc.
std::string describe_for_man_page(std::span<const OptionRow> rows);

// _PROGRAM_options, a list, and _PROGRAM_argument, a function that completes the argument of the option $1;
// its status is 1 where that has none.
std::string describe_for_bash(std::string_view program, std::span<const OptionRow> rows);

// Specifications for _arguments, a line each.
std::string describe_for_zsh(std::span<const OptionRow> rows);

}  // namespace tally::docs
