// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "option_docs/option_docs.h"

namespace tally::docs {
namespace {

bool is_upper(unsigned char c) {
    return std::isupper(c) != 0;
}

// A word as it is typed is bold, one that stands for something else is underlined.
std::string mark_word(std::string_view word) {
    if (word.empty()) {
        return {};
    }
    const char mark = std::any_of(word.begin(), word.end(), is_upper) ? '_' : '*';
    return fmt::format("{0}{1}{0}", mark, word);
}

// "[ID]" as "[_ID_]", "pass|drop" as "*pass*|*drop*".
std::string mark_argument(std::string_view argument) {
    constexpr std::string_view kEllipsis = "...";
    std::string text;
    std::string_view rest = argument;
    while (!rest.empty()) {
        const auto end = std::min(rest.find_first_of("[]| "), rest.size());
        std::string_view word = rest.substr(0, end);
        const bool more = word.ends_with(kEllipsis);
        word.remove_suffix(more ? kEllipsis.size() : 0);
        text += mark_word(word);
        text += more ? kEllipsis : std::string_view();
        text += rest.substr(end, 1);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return text;
}

std::string indent(std::string_view text) {
    std::string lines;
    for_each_word(text, '\n',
                  [&](std::string_view line) { lines += line.empty() ? "\n" : fmt::format("\t{}\n", line); });
    return lines;
}

}  // namespace

std::string describe_for_man_page(std::span<const OptionRow> rows) {
    std::string page;
    std::string_view group;
    for (const auto& row : rows) {
        if (row.group != group) {
            group = row.group;
            page += fmt::format("## {}\n\n", group);
        }
        page += row.short_name.empty() ? std::string() : fmt::format("*{}*, ", row.short_name);
        page +=
            fmt::format("*{}*{}{}\n", row.name, row.argument.empty() ? "" : " ", mark_argument(row.argument));
        const std::string help = fmt::format("{}.", row.help);
        std::string_view text = row.manual.empty() ? help : row.manual;
        text.remove_prefix(text.starts_with('\n') ? 1 : 0);
        page += indent(text) + '\n';
    }
    page.resize(page.empty() ? 0 : page.size() - 1);
    return page;
}

}  // namespace tally::docs
