// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/columns.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "common/base/printable.h"

namespace tally {
namespace {

constexpr std::string_view kGap = "  ";

}  // namespace

std::string align_columns(const std::vector<std::vector<std::string>>& rows,
                          std::initializer_list<std::size_t> numbers) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(row.size());
        for (std::size_t column = 0; column < row.size(); ++column) {
            widths[column] = std::max(widths[column], display_width(row[column]));
        }
    }
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t column = 0; column < row.size(); ++column) {
            const std::size_t blanks = widths[column] - display_width(row[column]);
            const bool number = std::find(numbers.begin(), numbers.end(), column) != numbers.end();
            text += column == 0 ? "" : kGap;
            text.append(number ? blanks : 0, ' ');
            text += row[column];
            text.append(number ? 0 : blanks, ' ');
        }
        text.resize(text.find_last_not_of(' ') + 1);
        text += '\n';
    }
    return text;
}

}  // namespace tally
