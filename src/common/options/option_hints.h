// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What was probably meant by an option that there is not, or by a word that is none.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/options/option_table.h"

namespace tally {

// What was typed behind the program's name.
using Line = std::span<const char* const>;

// Options that there are not (any more), or that other tools have, and what does it here.
struct OptionPointer {
    std::string_view names;  // with blanks between them
    std::string_view hint;
};

// Its hint; empty: there is none for this name.
std::string_view find_pointer(std::span<const OptionPointer> pointers, std::string_view name);

// The long name that begins with `name`, or is a typing mistake away from it; empty: none, or several.
std::string_view nearest_option(std::span<const OptionRow> rows, std::string_view name);

// Commands that other tools have as words, and the option that does it here; "": none is needed.
struct CommandWord {
    std::string_view words;  // with blanks between them
    std::string_view option;
};

// Null: no option is called so.
const OptionRow* find_named(std::span<const OptionRow> rows, std::string_view name);

// Whether the word, or the cluster of short options that it is, could name the option.
bool could_name(std::string_view word, const OptionRow& row);

// Where a command begins that is not behind "--": behind the option which takes one ("--run sleep 1"). 0:
// nowhere.
std::size_t find_bare_command(Line line, std::span<const OptionRow> rows);

// The line with its words that are no options in options: "load eth0 prog.o" becomes "--dev eth0 --filename
// prog.o". A bare command comes behind "--", and long options out of it. Empty where that is in doubt: of a
// word that is neither a command nor a file, nor an interface that exists, only one that stands alone is
// taken for one. An option beside it would act on something else than what was meant.
std::vector<std::string> correct_line(Line line, std::span<const OptionRow> rows,
                                      std::span<const CommandWord> commands);

}  // namespace tally
