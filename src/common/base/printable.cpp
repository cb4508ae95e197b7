// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/printable.h"

#include <fmt/format.h>

#include <algorithm>

namespace tally {

std::string printable(std::string_view text, bool keep_lines) {
    constexpr unsigned char kDelete = 0x7f;
    std::string shown;
    shown.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool kept = keep_lines && (c == '\n' || c == '\t');
        if (!kept && (byte < ' ' || byte == kDelete)) {
            shown += fmt::format("\\x{:02x}", byte);
        } else {
            shown += c;
        }
    }
    return shown;
}

std::size_t display_width(std::string_view text) {
    constexpr unsigned char kKindOfByte = 0xc0;
    constexpr unsigned char kLaterByte = 0x80;  // of a character of several
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & kKindOfByte) != kLaterByte;
    }));
}

}  // namespace tally
