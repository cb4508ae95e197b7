// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/options/command_line.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <sstream>

#include "common/base/error.h"
#include "common/base/result.h"
#include "common/base/shell_word.h"

namespace tally {
namespace {

// CLI11's layout, without its lists of exclusions.
class HelpFormatter : public CLI::Formatter {
  public:
    HelpFormatter() { column_width(kColumn); }

    std::string make_option_opts(const CLI::Option* option) const override {
        const std::string type = option->get_type_name();
        const std::string value = option->get_default_str();
        return (type.empty() ? "" : " " + type) + (value.empty() ? "" : " (" + value + ")");
    }

    // One blank line between groups, not two.
    std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
        std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
        for (auto at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n", at)) {
            text.erase(at, 1);
        }
        return text;
    }

  private:
    static constexpr std::size_t kColumn = 34;
};

Error usage_error(std::string text) {
    return make_error(ErrorKind::kUsage, std::move(text));
}

CLI::Option* add_option(CLI::App& app, const Program& program, const OptionRow& row) {
    std::string names(row.name);
    names.insert(0, row.short_name.empty() ? std::string() : fmt::format("{},", row.short_name));
    names += row.alias.empty() ? std::string() : fmt::format(",{}", row.alias);
    const std::string help(row.help);
    if (row.name == "--help") {
        return app.set_help_flag(names, help);
    }
    if (row.name == "--version") {
        return app.set_version_flag(names, fmt::format("{} {}", program.name, program.version), help);
    }
    if (!row.takes_value()) {
        return app.add_flag(names, help);
    }
    auto* option = app.add_option(names, CLI::callback_t(), help)->take_all();
    return row.needs_value() ? option->allow_extra_args(false) : option->expected(0, 1);
}

bool is_named(Line words, const OptionRow& row) {
    return std::any_of(words.begin(), words.end(), [&](const char* word) { return could_name(word, row); });
}

// One for each row; null where no word could name it. What CLI11 does for an option grows with the number of
// options, and with all of them was half of a start's instructions. Only the help needs all.
std::vector<CLI::Option*> add_options(CLI::App& app, const Program& program, Line words) {
    const bool all = is_named(words, program.options[find_row(program.options, "--help")]);
    std::vector<CLI::Option*> options;
    for (const auto& row : program.options) {
        if (!all && !is_named(words, row)) {
            options.push_back(nullptr);
            continue;
        }
        auto* option = add_option(app, program, row);
        option->type_name(std::string(row.argument))->default_str(std::string(row.value));
        options.push_back(row.group.empty() ? option : option->group(std::string(row.group)));
    }
    return options;
}

// CLI11 2.1 takes the next argument for the value of "--dev=".
Result<void> check_values_after_equals(Line arguments) {
    for (const std::string_view word : arguments) {
        if (word.starts_with("--") && word.size() > 2 && word.find('=') == word.size() - 1) {
            return usage_error(fmt::format("{} has no value", word.substr(0, word.size() - 1)));
        }
    }
    return {};
}

// "a, b or c"
std::string join_alternatives(std::string_view list, char separator) {
    std::string text;
    std::string_view last;
    for_each_word(list, separator, [&](std::string_view word) {
        if (!last.empty()) {
            text += fmt::format("{}{}", text.empty() ? "" : ", ", last);
        }
        last = word;
    });
    return text.empty() ? std::string(last) : fmt::format("{} or {}", text, last);
}

// CLI11 would take the next option for the value.
Result<void> check_values_are_no_options(std::span<const OptionRow> rows, Line arguments) {
    for (std::size_t i = 0; i + 1 < arguments.size(); ++i) {
        const OptionRow* row = find_named(rows, arguments[i]);
        const std::string_view next = arguments[i + 1];
        const bool number = next.size() > 1 && next[1] >= '0' && next[1] <= '9';
        if (row != nullptr && row->needs_value() && !number &&
            find_named(rows, next.substr(0, next.find('='))) != nullptr) {
            return usage_error(
                fmt::format("{} needs a value: {}", row->name, join_alternatives(row->argument, '|')));
        }
    }
    return {};
}

// CLI11 throws where the last option's value is missing: "--dev: 1 required IFACE missing".
Error describe(const CLI::ParseError& error) {
    const std::string text = error.what();
    return usage_error(fmt::format("{} has no value", text.substr(0, text.find(':'))));
}

Error refuse_option(const Program& program, const std::string& name) {
    if (const auto hint = find_pointer(program.removed, name); !hint.empty()) {
        return usage_error(fmt::format("{} is no longer an option", name)).with_hint(std::string(hint));
    }
    auto error = usage_error(fmt::format("unknown option {}", name));
    const auto nearest = nearest_option(program.options, name);
    if (const auto hint = find_pointer(program.habits, name); !hint.empty()) {
        error.hint = hint;
    } else if (!nearest.empty()) {
        error.hint = fmt::format("did you mean {}?", nearest);
    }
    return error;
}

// "--action drop pass"
bool is_another_value(const OptionRow& row, std::string_view word) {
    bool found = false;
    for_each_word(row.argument, '|', [&](std::string_view each) { found |= each == word; });
    return found;
}

// `words`: what is no option, of this line.
std::string hint_at_words(const Program& program, Line line, const std::vector<std::string>& words) {
    const auto place =
        static_cast<std::size_t>(std::find(line.begin(), line.end(), words.front()) - line.begin());
    const OptionRow* const before = place >= 2 ? find_named(program.options, line[place - 2]) : nullptr;
    if (before != nullptr && before->takes_value() && !before->repeatable &&
        (is_another_value(*before, words.front()) ||
         correct_line(line, program.options, program.commands).empty())) {
        return fmt::format("{} takes one value", before->name);
    }
    for (const auto& word : words) {
        if (const auto hint = find_pointer(program.habits, word); !hint.empty()) {
            return std::string(hint);
        }
    }
    return {};
}

Result<void> refuse_unknown(const Program& program, Line line, const std::vector<std::string>& words) {
    if (words.empty()) {
        return {};
    }
    if (const auto command = find_bare_command(line, program.options); command > 0) {
        return usage_error(fmt::format("unexpected argument '{}'", line[command]));
    }
    const auto option =
        std::find_if(words.begin(), words.end(), [](const auto& word) { return word.starts_with('-'); });
    if (option != words.end()) {
        return refuse_option(program, option->substr(0, option->find('=')));
    }
    return usage_error(fmt::format("unexpected argument '{}'", words.front()))
        .with_hint(hint_at_words(program, line, words));
}

Result<void> check_values(const OptionRow& row, const std::vector<std::string>& values) {
    if (!row.takes_value() && values.back() != "true") {  // which is what a flag has
        return usage_error(fmt::format("{} takes no value", row.name));
    }
    if (row.takes_value() && !row.repeatable && values.size() > 1) {
        return usage_error(fmt::format("{} is given more than once", row.name));
    }
    // From a script's variable that is not set.
    if (row.needs_value() && std::find(values.begin(), values.end(), "") != values.end()) {
        return usage_error(fmt::format("{} has no value", row.name));
    }
    if (row.completion != Completion::kWords) {
        return {};
    }
    for (const auto& value : values) {
        bool known = false;
        for_each_word(row.argument, '|', [&](std::string_view word) { known |= word == value; });
        if (!known) {
            return usage_error(
                fmt::format("{} '{}': expected {}", row.name, value, join_alternatives(row.argument, '|')));
        }
    }
    return {};
}

Result<void> check_combination(std::span<const OptionRow> rows, std::size_t row, const ParsedWords& words) {
    const auto given = [&](std::size_t other) { return !words.values[other].empty(); };
    for (std::size_t other = 0; other < rows.size(); ++other) {
        if (given(other) && exclude_each_other(rows[row], rows[other])) {
            return refuse_combination(rows[row].name, rows[other].name, why_excluded(rows[row], rows[other]));
        }
    }
    bool complete = rows[row].needs.empty();
    for_each_word(rows[row].needs, ' ',
                  [&](std::string_view name) { complete |= given(find_row(rows, name)); });
    if (!complete) {
        return usage_error(
            fmt::format("{} needs {}", rows[row].name, join_alternatives(rows[row].needs, ' ')));
    }
    return {};
}

Result<void> check_command(const Program& program, Line line, const ParsedWords& words) {
    const auto rows = program.options;
    const auto row =
        std::find_if(rows.begin(), rows.end(), [](const OptionRow& each) { return each.takes_command(); });
    if (row == rows.end()) {
        return refuse_unknown(program, line, words.command);
    }
    const bool given = !words.values[static_cast<std::size_t>(row - rows.begin())].empty();
    if (given && words.command.empty()) {
        return usage_error(fmt::format("{0} needs a command: {0} {1}", row->name, row->argument));
    }
    if (!given && !words.command.empty()) {
        return usage_error(fmt::format("a command after -- needs {}", row->name));
    }
    return {};
}

Result<void> check(const Program& program, Line line, const ParsedWords& words) {
    for (std::size_t row = 0; row < program.options.size(); ++row) {
        if (!words.values[row].empty()) {
            TALLY_TRY(check_values(program.options[row], words.values[row]));
            TALLY_TRY(check_combination(program.options, row, words));
        }
    }
    return check_command(program, line, words);
}

Result<ParsedWords> read_results(CLI::App& app, const std::vector<CLI::Option*>& options,
                                 const Program& program, Line line) {
    TALLY_TRY(refuse_unknown(program, line, app.remaining()));
    ParsedWords words;
    for (const auto* option : options) {
        words.values.push_back(option != nullptr ? option->results() : std::vector<std::string>());
    }
    return words;
}

}  // namespace

Error refuse_combination(std::string_view one, std::string_view other, std::string_view why) {
    return make_error(ErrorKind::kUsage, fmt::format("{} cannot be combined with {}", one, other),
                      std::string(why));
}

Result<std::variant<ParsedWords, EarlyExit>> parse_words(const Program& program, Line line) {
    const auto end = std::find(line.begin(), line.end(), std::string_view("--"));
    const Line ours(line.begin(), end);
    TALLY_TRY(check_values_after_equals(ours));
    TALLY_TRY(check_values_are_no_options(program.options, ours));
    CLI::App app{std::string(program.description), std::string(program.name)};
    app.footer(std::string(program.footer));
    app.formatter(std::make_shared<HelpFormatter>());
    app.allow_extras();
    const auto options = add_options(app, program, ours);
    try {
        app.parse(std::vector<std::string>(ours.rbegin(), ours.rend()));  // CLI11 begins at the end
    } catch (const CLI::Success& success) {
        std::ostringstream text;
        app.exit(success, text, text);
        return std::variant<ParsedWords, EarlyExit>(EarlyExit{0, text.str()});
    } catch (const CLI::ParseError& error) {
        return describe(error);
    }
    TALLY_ASSIGN_OR_RETURN(auto words, read_results(app, options, program, line));
    words.command.assign(end == line.end() ? end : end + 1, line.end());
    TALLY_TRY(check(program, line, words));
    return std::variant<ParsedWords, EarlyExit>(std::move(words));
}

EarlyExit refuse_line(const Program& program, Line line, Error error,
                      const std::function<Result<void>(Line)>& parse) {
    if (error.hint.empty()) {
        std::vector<const char*> words;
        std::string text(program.name);
        const auto meant = correct_line(line, program.options, program.commands);
        for (const auto& word : meant) {
            words.push_back(word.c_str());
            text += ' ' + shell_word(word);
        }
        const auto parsed = meant.empty() ? Result<void>(error) : parse(words);
        error.hint = parsed ? fmt::format("did you mean `{}`?", text) : parsed.error().hint;
    }
    return usage_exit(program.name, std::move(error), wants_json(line));
}

bool wants_json(Line line) {
    for (std::size_t i = 0; i < line.size() && std::string_view(line[i]) != "--"; ++i) {
        const std::string_view word = line[i];
        const bool json_follows =
            word == "--format" && i + 1 < line.size() && std::string_view(line[i + 1]) == "json";
        if (word == "--json" || word == "--format=json" || json_follows) {
            return true;
        }
    }
    return false;
}

}  // namespace tally
