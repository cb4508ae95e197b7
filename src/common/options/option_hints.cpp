// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/options/option_hints.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "common/base/shell_word.h"

namespace tally {
namespace {

// How many letters have to be inserted, left out or replaced to make one word of the other.
std::size_t edit_distance(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < one.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < other.size(); ++j) {
            const std::size_t replaced = diagonal + (one[i] == other[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
        }
    }
    return row.back();
}

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

bool has_option(std::span<const OptionRow> rows, std::string_view name) {
    return std::any_of(rows.begin(), rows.end(), [&](const OptionRow& row) { return row.name == name; });
}

// "--dev", whose value is the next word.
bool takes_next_word(std::span<const OptionRow> rows, std::string_view word) {
    return std::any_of(rows.begin(), rows.end(), [&](const OptionRow& row) {
        return row.takes_value() && (word == row.short_name || word == row.name || word == row.alias);
    });
}

// A word that is no option, as options.
std::string option_for(const std::string& word, std::span<const OptionRow> rows) {
    for (const std::string_view noise : {"dev", "xdp", "xdpgeneric", "xdpdrv", "link", "obj", "net"}) {
        if (word == noise) {
            return {};
        }
    }
    if (word.ends_with(".o") && has_option(rows, "--filename")) {
        return shell_option("--filename", word);
    }
    return shell_option("--dev", word.substr(0, word.find('@')));  // `ip` shows the peer behind it
}

}  // namespace

std::string correct_line(std::span<const char* const> line, std::span<const OptionRow> rows,
                         std::span<const CommandWord> commands) {
    std::string text;
    bool first = true;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const std::string word = line[i];
        if (word == "--") {
            continue;
        }
        std::string option;
        if (word.starts_with('-') || (i > 0 && takes_next_word(rows, line[i - 1]))) {
            option = shell_word(word);
        } else {
            const auto command = std::find_if(commands.begin(), commands.end(), [&](const auto& each) {
                return first && contains_word(each.words, word);
            });
            option = command == commands.end() ? option_for(word, rows) : std::string(command->option);
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
