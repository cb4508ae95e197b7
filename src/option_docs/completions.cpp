// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "option_docs/option_docs.h"

namespace tally::docs {
namespace {

// The templates of both shells have a function _xdp_tally_NAME for it.
std::string_view function_name(Completion completion) {
    switch (completion) {
        case Completion::kNothing:
        case Completion::kWords:
        case Completion::kVerdict:
            break;
        case Completion::kVerdicts:
            return "verdicts";
        case Completion::kInterface:
            return "interface";
        case Completion::kPinnedInterface:
            return "pinned_interface";
        case Completion::kNetns:
            return "netns";
        case Completion::kFile:
            return "file";
        case Completion::kDirectory:
            return "directory";
        case Completion::kProgram:
            return "program";
        case Completion::kSection:
            return "section";
        case Completion::kUser:
            return "user";
        case Completion::kExpression:
            return "expression";
    }
    return {};
}

std::string replace(std::string_view text, char what, std::string_view by) {
    std::string result;
    for (const char c : text) {
        if (c == what) {
            result += by;
        } else {
            result += c;
        }
    }
    return result;
}

// "pass|drop" as "pass drop".
std::string words_of(const OptionRow& row) {
    return replace(row.argument, '|', " ");
}

std::string bash_command(const OptionRow& row) {
    if (row.completion == Completion::kNothing) {
        return {};
    }
    const auto function = function_name(row.completion);
    return function.empty() ? "_xdp_tally_words " + words_of(row) : fmt::format("_xdp_tally_{}", function);
}

std::string spellings(const OptionRow& row) {
    std::string text(row.short_name);
    for (const std::string_view name : {row.name, row.alias}) {
        text += fmt::format("{}{}", text.empty() || name.empty() ? "" : " ", name);
    }
    return text;
}

// Whether `other` excludes the row, or everything that the row needs one of.
bool is_ruled_out(const OptionRow& row, const OptionRow& other, std::span<const OptionRow> rows) {
    bool possible = row.needs.empty();
    for_each_word(row.needs, ' ', [&](std::string_view needed) {
        possible |= !exclude_each_other(rows[find_row(rows, needed)], other);
    });
    return !possible || exclude_each_other(row, other);
}

// What zsh does not offer behind this option: "(-q --quiet)".
std::string zsh_exclusions(const OptionRow& row, std::span<const OptionRow> rows) {
    if (row.name == "--help" || row.name == "--version") {
        return "(- *)";  // nothing at all
    }
    std::string names = row.repeatable || row.short_name.empty() ? "" : spellings(row);
    for (const auto& other : rows) {
        if (is_ruled_out(row, other, rows) || is_ruled_out(other, row, rows)) {
            names += fmt::format("{}{}", names.empty() ? "" : " ", spellings(other));
        }
    }
    return names.empty() ? "" : fmt::format("({})", names);
}

// ":IFACE:_xdp_tally_interface"
std::string zsh_argument(const OptionRow& row) {
    if (!row.needs_value()) {
        return {};
    }
    const std::string what = replace(row.argument, ':', "\\:");
    switch (row.completion) {
        case Completion::kNothing:
            return fmt::format(":{}: ", what);
        case Completion::kWords:
        case Completion::kVerdict:
            return fmt::format(":{}:({})", row.name.substr(2), words_of(row));
        default:
            return fmt::format(":{}:_xdp_tally_{}", what, function_name(row.completion));
    }
}

}  // namespace

std::string describe_for_bash(std::string_view program, std::span<const OptionRow> rows) {
    std::string options;
    std::string cases;
    for (const auto& row : rows) {
        options += fmt::format("{}{}", options.empty() ? "" : " ", row.name);
        if (row.needs_value()) {
            const std::string command = bash_command(row);
            cases += fmt::format("\t{}) {}{};;\n", replace(spellings(row), ' ', " | "), command,
                                 command.empty() ? "" : " ");
        }
    }
    return fmt::format(
        "_{0}_options=\"{1}\"\n\n_{0}_argument() {{\n\tcase $1 in\n{2}\t*) return 1 ;;\n\tesac\n}}\n",
        program, options, cases);
}

std::string describe_for_zsh(std::span<const OptionRow> rows) {
    std::string lines;
    for (const auto& row : rows) {
        const std::string before = zsh_exclusions(row, rows) + (row.repeatable ? "*" : "");
        const std::string after = fmt::format("[{}]{}", replace(row.help, ']', "\\]"), zsh_argument(row));
        const auto add = [&](std::string_view name, std::string_view attached) {
            lines += fmt::format("\t\t'{}'\n", replace(fmt::format("{}{}{}{}", before, name, attached, after),
                                                       '\'', R"('\'')"));
        };
        if (!row.short_name.empty()) {
            add(row.short_name, row.needs_value() ? "+" : "");
        }
        add(row.name, row.needs_value() ? "=" : "");
    }
    return lines;
}

}  // namespace tally::docs
