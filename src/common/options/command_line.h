// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Command lines of options that a table describes.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/error.h"
#include "common/base/result.h"
#include "common/options/early_exit.h"
#include "common/options/option_hints.h"
#include "common/options/option_table.h"

namespace tally {

struct Program {
    std::string_view name;
    std::string_view version;
    std::string_view description;  // --help begins with it
    std::string_view footer;       // and ends with it
    std::span<const OptionRow> options;
    std::span<const OptionPointer> removed = {};  // what earlier versions had
    std::span<const OptionPointer> habits = {};   // what other tools have
    std::span<const CommandWord> commands = {};   // the same, as words
};

struct ParsedWords {
    std::vector<std::vector<std::string>> values;  // for each row, one of each time the option was given
    std::vector<std::string> command;              // what is behind "--"
};

// Refused is what no table row allows, what a row does not allow together, and a value that is not one of the
// words of "a|b|c". --help and --version end the program.
Result<std::variant<ParsedWords, EarlyExit>> parse_words(const Program& program, Line line);

// For what the tables cannot say: "ONE cannot be combined with OTHER: WHY".
Error refuse_combination(std::string_view one, std::string_view other, std::string_view why);

// The end of the program for a line that was refused. Where the error has no hint, it is the line that was
// meant, if `parse` takes that.
EarlyExit refuse_line(const Program& program, Line line, Error error,
                      const std::function<Result<void>(Line)>& parse);

// Before the command line is parsed: whether the user asked for JSON, so that errors in it can be JSON, too.
bool wants_json(Line line);

// What was given for the options of the table; a name that is not in the table does not compile.
template <const auto& Rows>
class ParsedOptions {
  public:
    struct Name {
        consteval Name(const char* name) : row(find_row(Rows, name)) {}  // NOLINT(*-explicit-*)
        std::size_t row;
    };

    explicit ParsedOptions(ParsedWords words) : words_(std::move(words)) {}

    bool has(Name name) const { return !values(name).empty(); }
    const std::vector<std::string>& values(Name name) const { return words_.values[name.row]; }
    std::optional<std::string> value(Name name) const {
        return has(name) ? std::optional(values(name).front()) : std::nullopt;
    }
    // Or the table's default.
    std::string value_or_default(Name name) const {
        return value(name).value_or(std::string(Rows[name.row].value));
    }
    const std::vector<std::string>& command() const { return words_.command; }

  private:
    ParsedWords words_;
};

// What `read` makes of the options, all of which are in the program's table; or the end of the program.
template <typename Given, typename Options>
std::variant<Options, EarlyExit> read_command_line(const Program& program, int argc, const char* const* argv,
                                                   Result<Options> (*read)(const Given&)) {
    std::variant<Options, EarlyExit> outcome;
    const auto parse = [&](Line line) -> Result<void> {
        TALLY_ASSIGN_OR_RETURN(auto words, parse_words(program, line));
        if (auto* const exit = std::get_if<EarlyExit>(&words)) {
            outcome = std::move(*exit);
            return {};
        }
        TALLY_ASSIGN_OR_RETURN(outcome, read(Given(std::get<ParsedWords>(std::move(words)))));
        return {};
    };
    const Line line(argv + std::min(argc, 1), argv + argc);
    if (auto parsed = parse(line); !parsed) {
        return refuse_line(program, line, std::move(parsed).error(), parse);
    }
    return outcome;
}

// A decimal number that fits, and nothing else.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    return code == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

}  // namespace tally
