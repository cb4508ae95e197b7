// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Lines of words that are no options, and the commands that hints make of them.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <variant>
#include <vector>

#include "common/options/command_line.h"

namespace tally {

// Commands, interfaces (lo exists), verdicts, numbers, files, and dashes as web pages have them.
inline constexpr const char* kBareWords[] = {
    "load",      "attach",   "unload", "detach",
    "stop",      "off",      "status", "show",
    "list",      "clean",    "watch",  "observe",
    "run",       "features", "help",   "all",
    "veth0",     "lo",       "lo:",    "veth0@lo",
    "red/veth0", "drop",     "pass",   "1",
    "0",         "==",       "prog.o", "/sys/fs/bpf/veth0/xdp_stats_map",
    "–",         "—",        "–-dev",  "—dev",
    "-dev",      "−−unload", "–U",     "-status",
    "–once",     "",         "unlaod", "veth0; reboot",
};

// One word, or two in this order; alone, and behind options.
inline std::vector<std::vector<std::string>> swept_lines(
    const std::vector<std::vector<std::string>>& options) {
    std::vector<std::vector<std::string>> lines;
    for (std::vector<std::string> line : options) {
        for (const char* first : kBareWords) {
            line.emplace_back(first);
            lines.push_back(line);
            for (const char* second : kBareWords) {
                line.emplace_back(second);
                lines.push_back(line);
                line.pop_back();
            }
            line.pop_back();
        }
    }
    return lines;
}

inline std::vector<const char*> pointers_to(const std::vector<std::string>& words) {
    std::vector<const char*> pointers;
    for (const auto& word : words) {
        pointers.push_back(word.c_str());
    }
    return pointers;
}

// As a shell splits "a 'b c'".
inline std::vector<std::string> shell_split(const std::string& text) {
    std::vector<std::string> words;
    bool quoted = false;
    bool begun = false;
    for (const char c : text) {
        if (c == '\'') {
            quoted = !quoted;
        }
        if (c == ' ' && !quoted) {
            begun = false;
            continue;
        }
        if (!begun) {
            words.emplace_back();
            begun = true;
        }
        if (c != '\'') {
            words.back() += c;
        }
    }
    return words;
}

// The words behind the program's name of the command that the message asks whether it was meant; none: it
// asks for none.
inline std::vector<std::string> command_meant(const std::string& message, const std::string& program) {
    const std::string before = "did you mean `" + program;
    const auto start = message.find(before);
    if (start == std::string::npos) {
        return {};
    }
    const auto end = message.find('`', start + before.size());
    return shell_split(message.substr(start + before.size(), end - start - before.size()));
}

// Each command that is meant of these lines is one that the program takes. `see` is told of the line, the
// command, and what became of it.
template <typename Parse, typename See>
void sweep_hints(const std::string& program, const std::vector<std::vector<std::string>>& options,
                 Parse parse, See see) {
    std::size_t commands = 0;
    for (const auto& line : swept_lines(options)) {
        const auto typed = parse(pointers_to(line));
        const auto* const exit = std::get_if<EarlyExit>(&typed);
        const auto meant =
            exit != nullptr ? command_meant(exit->message, program) : std::vector<std::string>();
        if (meant.empty()) {
            continue;
        }
        ++commands;
        const auto result = parse(pointers_to(meant));
        const auto* const end = std::get_if<EarlyExit>(&result);
        EXPECT_TRUE(end == nullptr || end->status == 0)
            << testing::PrintToString(line) << testing::PrintToString(meant) << end->message;
        see(line, meant, result);
    }
    EXPECT_GT(commands, 100U);
}

}  // namespace tally
