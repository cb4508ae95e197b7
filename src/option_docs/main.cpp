// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Builds pages and completions: fills the tables of options into a template. Not installed.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "loader/option_table.h"
#include "stats/option_table.h"

#include "option_docs/option_docs.h"

namespace {

using namespace tally;

std::string describe(std::string_view format, std::string_view program, std::span<const OptionRow> rows) {
    if (format == "bash") {
        return docs::describe_for_bash(program, rows);
    }
    return format == "zsh" ? docs::describe_for_zsh(rows) : docs::describe_for_man_page(rows);
}

// None where the line is not to be replaced.
std::optional<std::string> replacement(std::string_view format, std::string_view line) {
    if (line == "@xdp_loader@") {
        return describe(format, "xdp_loader", loader::kOptionRows);
    }
    return line == "@xdp_stats@" ? std::optional(describe(format, "xdp_stats", stats::kOptionRows))
                                 : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs(
            "usage: option_docs man|bash|zsh TEMPLATE OUTPUT\n"
            "Replaces the lines @xdp_loader@ and @xdp_stats@ by what the program's options are.\n",
            stderr);
        return 2;
    }
    std::ifstream input(argv[2]);
    std::ofstream output(argv[3]);
    for (std::string line; std::getline(input, line);) {
        output << replacement(argv[1], line).value_or(line + '\n');
    }
    if (!input.eof() || !output.flush()) {
        fmt::print(stderr, "option_docs: {} cannot be made from {}\n", argv[3], argv[2]);
        return 1;
    }
    return 0;
}
