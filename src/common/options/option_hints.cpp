// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/options/option_hints.h"

#include <algorithm>
#include <vector>

#include "common/base/edit_distance.h"
#include "common/base/shell_word.h"

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

// "--dev", whose value is the next word.
bool takes_next_word(std::span<const OptionRow> rows, std::string_view word) {
    const auto* const row = find_named(rows, word);
    return row != nullptr && row->takes_value();
}

const CommandWord* find_command(std::span<const CommandWord> commands, std::string_view word) {
    const auto found = std::find_if(commands.begin(), commands.end(),
                                    [&](const auto& each) { return contains_word(each.words, word); });
    return found == commands.end() ? nullptr : &*found;
}

bool is_file(std::span<const OptionRow> rows, const std::string& word) {
    return word.ends_with(".o") && find_named(rows, "--filename") != nullptr;
}

// A word that is no option, as options.
std::string option_for(const std::string& word, std::span<const OptionRow> rows) {
    for (const std::string_view noise : {"dev", "xdp", "xdpgeneric", "xdpdrv", "link", "obj", "net"}) {
        if (word == noise) {
            return {};
        }
    }
    if (is_file(rows, word)) {
        return shell_option("--filename", word);
    }
    return shell_option("--dev", word.substr(0, word.find('@')));  // `ip` shows the peer behind it
}

// Of " --run sleep 1 --dev eth0", from "--run" on: " --dev eth0 --run -- sleep 1".
std::string correct_command(std::span<const char* const> line, std::span<const OptionRow> rows) {
    std::string options;
    std::string command;
    for (std::size_t i = 1; i < line.size(); ++i) {
        const std::string_view word = line[i];
        const bool ours =
            word.starts_with("--") && find_named(rows, word.substr(0, word.find('='))) != nullptr;
        auto& text = ours ? options : command;
        text += ' ' + shell_word(std::string(word));
        if (ours && takes_next_word(rows, word) && i + 1 < line.size()) {
            text += ' ' + shell_word(line[++i]);
        }
    }
    return options + ' ' + line.front() + " --" + command;
}

}  // namespace

const OptionRow* find_named(std::span<const OptionRow> rows, std::string_view name) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const OptionRow& each) {
        return !name.empty() && (name == each.short_name || name == each.name || name == each.alias);
    });
    return row == rows.end() ? nullptr : &*row;
}

std::size_t find_bare_command(std::span<const char* const> line, std::span<const OptionRow> rows) {
    for (std::size_t i = 0; i + 1 < line.size() && line[i] != std::string_view("--"); ++i) {
        const auto* const row = find_named(rows, line[i]);
        if (row != nullptr && row->takes_command() && line[i + 1][0] != '-') {
            return i + 1;
        }
    }
    return line.size();
}

bool is_command_or_file(std::span<const OptionRow> rows, std::span<const CommandWord> commands,
                        const std::string& word) {
    return is_file(rows, word) || find_command(commands, word) != nullptr;
}

std::string correct_line(std::span<const char* const> line, std::span<const OptionRow> rows,
                         std::span<const CommandWord> commands) {
    std::string text;
    bool first = true;
    const std::size_t bare_command = find_bare_command(line, rows);
    for (std::size_t i = 0; i < line.size(); ++i) {
        const std::string word = line[i];
        if (i + 1 == bare_command && bare_command < line.size()) {
            return text + correct_command(line.subspan(i), rows);
        }
        if (word == "--") {
            continue;
        }
        std::string option;
        if (word.starts_with('-') || (i > 0 && takes_next_word(rows, line[i - 1]))) {
            option = shell_word(word);
        } else {
            const auto* const command = first ? find_command(commands, word) : nullptr;
            option = command == nullptr ? option_for(word, rows) : std::string(command->option);
            first = false;
        }
        text += option.empty() ? "" : ' ' + option;
    }
    return text;
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
