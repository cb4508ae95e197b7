// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/natural_order.h"

#include <algorithm>

namespace tally {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// The digits that a text begins with.
std::string_view leading_digits(std::string_view text) {
    return text.substr(
        0, static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin()));
}

// Both are digits alone. Negative, zero or positive, as by std::string_view::compare.
int compare_numbers(std::string_view left, std::string_view right) {
    left.remove_prefix(std::min(left.find_first_not_of('0'), left.size()));
    right.remove_prefix(std::min(right.find_first_not_of('0'), right.size()));
    if (left.size() != right.size()) {
        return left.size() < right.size() ? -1 : 1;
    }
    return left.compare(right);
}

// 0 also where only zeros in front of a number differ.
int compare_naturally(std::string_view left, std::string_view right) {
    while (!left.empty() && !right.empty()) {
        const auto left_digits = leading_digits(left);
        const auto right_digits = leading_digits(right);
        const bool numbers = !left_digits.empty() && !right_digits.empty();
        const int order = numbers ? compare_numbers(left_digits, right_digits)
                                  : left.substr(0, 1).compare(right.substr(0, 1));
        if (order != 0) {
            return order;
        }
        left.remove_prefix(numbers ? left_digits.size() : 1);
        right.remove_prefix(numbers ? right_digits.size() : 1);
    }
    return static_cast<int>(!left.empty()) - static_cast<int>(!right.empty());
}

}  // namespace

bool natural_less(std::string_view left, std::string_view right) {
    if (const int order = compare_naturally(left, right); order != 0) {
        return order < 0;
    }
    return left.size() != right.size() ? left.size() < right.size() : left < right;
}

bool natural_device_less(const std::pair<std::string_view, std::string_view>& left,
                         const std::pair<std::string_view, std::string_view>& right) {
    return left.first == right.first ? natural_less(left.second, right.second)
                                     : natural_less(left.first, right.first);
}

}  // namespace tally
