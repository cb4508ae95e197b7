// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A program's options are rows of one table: its command line, --help, the options of its man page and the
// shell completions are made from it. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

namespace tally {

// What a shell offers for an option's argument.
enum class Completion {
    kNothing,          // numbers, times, names that no list on this machine has
    kWords,            // those of the argument: "auto|link"
    kVerdict,          // the same, in any case, and with "XDP_" before it: "pass|drop"
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

// Options that go with none of these, and why, as "X cannot be combined with Y: WHY" ends.
struct Exclusion {
    std::string_view names;  // long ones, with blanks between them
    std::string_view why;
};

class Exclusions {
  public:
    constexpr Exclusions() = default;
    constexpr Exclusions(std::initializer_list<Exclusion> exclusions) {
        for (const auto& exclusion : exclusions) {
            list_[size_++] = exclusion;
        }
    }

    constexpr const Exclusion* begin() const { return list_.data(); }
    constexpr const Exclusion* end() const { return list_.data() + size_; }

  private:
    std::array<Exclusion, 4> list_;
    std::size_t size_ = 0;
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
    Exclusions excludes = {};      // goes with none of these
    std::string_view help = {};    // one line, for --help and zsh
    std::string_view manual = {};  // for the man page, in scdoc's marks; "": `help`

    // "[ID]" may be left out.
    constexpr bool takes_value() const { return !argument.empty() && !takes_command(); }
    constexpr bool needs_value() const {
        return takes_value() && !(argument.front() == '[' && argument.back() == ']');
    }
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

// Why the two do not go together, whichever of the rows says so; empty: they do.
constexpr std::string_view why_excluded(const OptionRow& one, const OptionRow& other) {
    if (one.name == other.name) {
        return {};
    }
    for (const auto* const pair : {&one, &other}) {
        for (const auto& exclusion : pair->excludes) {
            if (contains_word(exclusion.names, pair == &one ? other.name : one.name)) {
                return exclusion.why;
            }
        }
    }
    return {};
}

constexpr bool exclude_each_other(const OptionRow& one, const OptionRow& other) {
    return !why_excluded(one, other).empty();
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
        for (const auto& exclusion : row.excludes) {
            for_each_word(exclusion.names, ' ', check);
        }
    }
    return true;
}

}  // namespace tally
