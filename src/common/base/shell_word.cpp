// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/shell_word.h"

#include <algorithm>

namespace tally {
namespace {

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:@%+=,").find(c) != std::string_view::npos;
}

}  // namespace

std::string shell_word(std::string_view text) {
    if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) {
        return std::string(text);
    }
    std::string word = "'";
    for (const char c : text) {
        word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return word + '\'';
}

std::string shell_option(std::string_view name, std::string_view value) {
    return std::string(name) + (value.starts_with('-') ? '=' : ' ') + shell_word(value);
}

}  // namespace tally
