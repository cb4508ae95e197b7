// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/options/option_hints.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <cctype>

#include "common/base/device_name.h"
#include "common/base/edit_distance.h"

namespace tally {
namespace {

template <typename Visit>
void for_each_name(std::span<const OptionRow> rows, Visit visit) {
    for (const auto& row : rows) {
        for (const std::string_view name : {row.name, row.alias}) {
            if (!name.empty()) {
                visit(name);
            }
        }
    }
}

// What a word is without its dashes; also those that a web page or a word processor makes of "--".
std::string_view behind_dashes(std::string_view word) {
    constexpr std::string_view kDashes[] = {"-", "‐", "‑", "‒", "–", "—", "―", "−"};
    const auto dash = [&] {
        return std::find_if(std::begin(kDashes), std::end(kDashes),
                            [&](std::string_view each) { return word.starts_with(each); });
    };
    for (const auto* found = dash(); found != std::end(kDashes); found = dash()) {
        word.remove_prefix(found->size());
    }
    return word;
}

// Of "-dev=x" or "—dev=x" "--dev=x"; empty: the word is no option.
std::string as_option(std::span<const OptionRow> rows, std::string_view word) {
    const auto name = behind_dashes(word);
    for (const std::string_view dashes : {"--", "-"}) {
        std::string option(dashes);
        option += name;
        if (name.size() < word.size() && find_named(rows, option.substr(0, option.find('='))) != nullptr) {
            return option;
        }
    }
    return std::string(name.size() < word.size() ? word : "");
}

// How many words of the line are the value of the option at its beginning: a condition that is not quoted has
// three.
std::size_t size_of_value(std::span<const OptionRow> rows, std::string_view option, Line line) {
    const auto* const row = find_named(rows, option);
    if (row == nullptr || !row->takes_value() || line.empty()) {
        return 0;
    }
    if (!row->needs_value()) {
        return std::isdigit(static_cast<unsigned char>(line[0][0])) != 0 ? 1 : 0;
    }
    const bool is_condition = row->completion == Completion::kExpression && line.size() > 2;
    return is_condition && std::string_view("=!<>").find(line[1][0]) != std::string_view::npos ? 3 : 1;
}

const CommandWord* find_command(std::span<const CommandWord> commands, std::string_view word) {
    const auto found = std::find_if(commands.begin(), commands.end(),
                                    [&](const auto& each) { return contains_word(each.words, word); });
    return found == commands.end() ? nullptr : &*found;
}

// Whose value the word is; none: that of --dev.
const OptionRow* option_of_file(std::span<const OptionRow> rows, std::string_view word) {
    if (word.ends_with(".o")) {
        return find_named(rows, "--filename");
    }
    return word.starts_with('/') ? find_named(rows, "--map") : nullptr;
}

// Of "--run sleep 1 --dev eth0": "--dev eth0 --run -- sleep 1".
void append_command(std::vector<std::string>& words, Line line, std::span<const OptionRow> rows) {
    std::vector<std::string> command = {line.front(), "--"};
    for (std::size_t i = 1; i < line.size(); ++i) {
        const std::string_view word = line[i];
        const bool ours =
            word.starts_with("--") && find_named(rows, word.substr(0, word.find('='))) != nullptr;
        const std::size_t more = ours ? size_of_value(rows, word, line.subspan(i + 1)) : 0;
        auto& list = ours ? words : command;
        list.insert(list.end(), &line[i], &line[i] + 1 + more);
        i += more;
    }
    words.insert(words.end(), command.begin(), command.end());
}

}  // namespace

const OptionRow* find_named(std::span<const OptionRow> rows, std::string_view name) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const OptionRow& each) {
        return !name.empty() && (name == each.short_name || name == each.name || name == each.alias);
    });
    return row == rows.end() ? nullptr : &*row;
}

bool could_name(std::string_view word, const OptionRow& row) {
    if (word.starts_with("--")) {
        const auto name = word.substr(0, word.find('='));
        return name == row.name || name == row.alias;
    }
    return word.starts_with('-') && !row.short_name.empty() &&
           word.find(row.short_name.back()) != std::string_view::npos;
}

std::size_t find_bare_command(Line line, std::span<const OptionRow> rows) {
    if (std::find(line.begin(), line.end(), std::string_view("--")) != line.end()) {
        return 0;
    }
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
        const auto* const row = find_named(rows, line[i]);
        if (row != nullptr && row->takes_command() && line[i + 1][0] != '-') {
            return i + 1;
        }
    }
    return 0;
}

std::vector<std::string> correct_line(Line line, std::span<const OptionRow> rows,
                                      std::span<const CommandWord> commands) {
    constexpr std::string_view kNoise = "dev xdp xdpgeneric xdpdrv link obj net";  // of `ip link`
    const std::size_t bare_command = find_bare_command(line, rows);
    std::vector<std::string> words;
    std::size_t verbs = 0;
    std::size_t devices = 0;
    std::size_t strangers = 0;  // of the devices, as no interface is called so
    for (std::size_t i = 0; i < line.size(); ++i) {
        const std::string word = line[i];
        const auto rest = line.subspan(i + 1);
        if (i + 1 == bare_command) {
            append_command(words, line.subspan(i), rows);
            break;
        }
        if (word == "--") {
            words.push_back(word);
            words.insert(words.end(), rest.begin(), rest.end());
            break;
        }
        if (const std::string option = as_option(rows, word); !option.empty()) {
            words.push_back(option);
            devices += could_name(option, rows[find_row(rows, "--dev")]) ? 1 : 0;
            if (const std::size_t size = size_of_value(rows, option, rest); size > 0) {
                words.push_back(fmt::format("{}", fmt::join(rest.first(size), " ")));
                i += size;
            }
        } else if (const auto* const command = find_command(commands, word); command != nullptr) {
            ++verbs;
            words.insert(words.end(), command->option.empty() ? 0 : 1, std::string(command->option));
        } else if (const auto* const file = option_of_file(rows, word); file != nullptr) {
            words.insert(words.end(), {std::string(file->name), word});
        } else if (!contains_word(kNoise, word)) {
            // if_nametoindex does not look behind a ':'.
            const bool is_name = !word.ends_with(':') && ::if_nametoindex(word.c_str()) != 0;
            const std::string name = is_name ? word : name_in_ip_link(word);
            const bool stranger = ::if_nametoindex(name.c_str()) == 0;
            if (stranger && std::isalpha(static_cast<unsigned char>(name[0])) == 0) {
                return {};
            }
            strangers += stranger ? 1 : 0;
            ++devices;
            words.insert(words.end(), {"--dev", name});
        }
    }
    return verbs > 1 || (strangers > 0 && devices > 1) ? std::vector<std::string>() : words;
}

std::string_view find_pointer(std::span<const OptionPointer> pointers, std::string_view name) {
    for (const auto& pointer : pointers) {
        if (contains_word(pointer.names, name)) {
            return pointer.hint;
        }
    }
    return {};
}

std::string_view nearest_option(std::span<const OptionRow> rows, std::string_view name) {
    constexpr std::size_t kMostMistakes = 2;
    constexpr std::size_t kShortest = 5;  // with the dashes: of less, too much would be another word
    if (name.size() < kShortest || !name.starts_with("--")) {
        return {};
    }
    std::vector<std::string_view> begun;
    std::vector<std::string_view> nearest;
    std::size_t least = kMostMistakes;
    for_each_name(rows, [&](std::string_view option) {
        if (option.starts_with(name)) {
            begun.push_back(option);
        }
        const std::size_t distance = edit_distance(name, option);
        if (distance < least) {
            nearest.clear();
            least = distance;
        }
        if (distance == least) {
            nearest.push_back(option);
        }
    });
    const auto& found = begun.size() == 1 ? begun : nearest;
    return found.size() == 1 ? found.front() : std::string_view();
}

}  // namespace tally
