// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A program's options are rows of one table: its command line, --help, the options of its man page and the
// shell completions are made from it. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace tally {

// What a shell offers for an option's argument.
enum class Completion {
    kNothing,          // numbers, times, names that no list on this machine has
    kWords,            // those of the argument: "pass|drop"
    kVerdicts,         // verdicts with commas between them, or "none"
    kInterface,        // an interface
    kPinnedInterface,  // an interface, also one that is gone and has left its pins
    kNetns,            // a network namespace: its name, or a file
    kFile,
    kDirectory,
    kProgram,  // a program in the object that --filename names
    kSection,  // a section of that object which has one
    kUser,
    kExpression,  // the beginning of a condition
};

// Long names of options with blanks between them, in one or two lists.
struct OptionNames {
    constexpr OptionNames(std::string_view first = {}, std::string_view second = {})  // NOLINT(*-explicit-*)
        : lists{first, second} {}

    std::array<std::string_view, 2> lists;
};

struct OptionRow {
    std::string_view group = {};       // of --help and of the man page; "": the first
    std::string_view short_name = {};  // "-d"
    std::string_view name = {};        // "--dev"
    std::string_view alias = {};       // another name of it: "--progsec"
    std::string_view argument = {};    // as usage lines write it: "IFACE", "pass|drop", "[ID]", "-- COMMAND"
    std::string_view value = {};       // the default, for --help
    bool repeatable = false;
    Completion completion = Completion::kNothing;
    std::string_view needs = {};   // takes one of these options; blanks separate them
    OptionNames excludes = {};     // goes with none of these
    std::string_view help = {};    // one line, for --help and zsh
    std::string_view manual = {};  // for the man page, in scdoc's marks; "": `help`

    // "[ID]" may be left out.
    constexpr bool takes_value() const { return !argument.empty() && !takes_command(); }
    constexpr bool needs_value() const { return takes_value() && argument.front() != '['; }
    // What is behind "--" is its argument.
    constexpr bool takes_command() const { return argument.starts_with("--"); }
};

// Calls visit(word) for each word of the list.
template <typename Visit>
constexpr void for_each_word(std::string_view list, char separator, Visit visit) {
    while (!list.empty()) {
        const std::string_view word = list.substr(0, list.find(separator));
        visit(word);
        list.remove_prefix(word.size() == list.size() ? word.size() : word.size() + 1);
    }
}

constexpr bool contains_word(std::string_view list, std::string_view wanted) {
    bool found = false;
    for_each_word(list, ' ', [&](std::string_view word) { found |= word == wanted; });
    return found;
}

// Whichever of the two rows says so.
constexpr bool exclude_each_other(const OptionRow& one, const OptionRow& other) {
    const auto excludes = [](const OptionRow& row, std::string_view name) {
        return contains_word(row.excludes.lists[0], name) || contains_word(row.excludes.lists[1], name);
    };
    return one.name != other.name && (excludes(one, other.name) || excludes(other, one.name));
}

// The index of the row of that name. As a constant expression it does not compile where there is none.
constexpr std::size_t find_row(std::span<const OptionRow> rows, std::string_view name) {
    std::size_t row = 0;
    while (rows[row].name != name) {
        ++row;
    }
    return row;
}

// For static_assert: every option that a row refers to is in the table.
constexpr bool names_are_known(std::span<const OptionRow> rows) {
    const auto check = [rows](std::string_view name) { find_row(rows, name); };
    for (const auto& row : rows) {
        for_each_word(row.needs, ' ', check);
        for (const std::string_view names : row.excludes.lists) {
            for_each_word(names, ' ', check);
        }
    }
    return true;
}

}  // namespace tally
