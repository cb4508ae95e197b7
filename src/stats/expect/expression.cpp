// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/expect/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "common/base/printable.h"
#include "common/pins/abi_names.h"

namespace tally::stats {
namespace {

constexpr const char* kGrammar =
    "ACTION.FIELD OP NUMBER, like 'drop.packets == 100' or 'total.bps > 1.5M'; actions: aborted, drop, pass, "
    "tx, redirect, total; fields: packets, bytes, pps, bps, delivered, lost; operators: == != >= <= > <";

constexpr std::array<std::pair<std::string_view, Field>, 6> kFields = {{{"packets", Field::kPackets},
                                                                        {"bytes", Field::kBytes},
                                                                        {"pps", Field::kPps},
                                                                        {"bps", Field::kBps},
                                                                        {"delivered", Field::kDelivered},
                                                                        {"lost", Field::kLost}}};

// The longer ones first: ">=" begins with ">".
constexpr std::array<std::pair<std::string_view, Comparison>, 6> kComparisons = {
    {{"==", Comparison::kEqual},
     {"!=", Comparison::kUnequal},
     {">=", Comparison::kAtLeast},
     {"<=", Comparison::kAtMost},
     {">", Comparison::kMore},
     {"<", Comparison::kLess}}};

constexpr std::array<std::pair<char, unsigned>, 3> kFactors = {{{'k', 3}, {'M', 6}, {'G', 9}}};

bool same_letters(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    Result<Expectation> parse() {
        Expectation expectation;
        expectation.text = std::string(text_);
        TALLY_TRY(parse_action(expectation));
        TALLY_TRY(parse_field(expectation));
        TALLY_TRY(parse_comparison(expectation));
        TALLY_TRY(parse_number(expectation));
        skip_blanks();
        if (at_ < text_.size()) {
            return refuse(at_, "unexpected text after the number");
        }
        return expectation;
    }

  private:
    Error refuse(std::size_t position, const std::string& reason) const {
        return make_error(ErrorKind::kUsage, fmt::format("--expect '{}'", text_), reason)
            .with_details(
                fmt::format("{}\n{:>{}}", text_, '^', printable(text_.substr(0, position)).size() + 1))
            .with_hint(kGrammar);
    }

    void skip_blanks() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) {
            ++at_;
        }
    }

    std::string_view take_word() {
        const std::size_t begin = at_;
        while (at_ < text_.size() &&
               (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) {
            ++at_;
        }
        return text_.substr(begin, at_ - begin);
    }

    Result<void> parse_action(Expectation& expectation) {
        skip_blanks();
        const std::size_t begin = at_;
        const auto word = take_word();
        if (const auto action = parse_action_name(word)) {
            expectation.action = static_cast<std::size_t>(*action);
            return {};
        }
        if (same_letters(word, "total")) {
            return {};
        }
        return refuse(begin,
                      word.empty() ? "expected an action" : fmt::format("'{}' is not an action", word));
    }

    Result<void> parse_field(Expectation& expectation) {
        if (at_ >= text_.size() || text_[at_] != '.') {
            return refuse(at_, "expected '.' and a field");
        }
        const std::size_t begin = ++at_;
        const auto word = take_word();
        for (const auto& [name, field] : kFields) {
            if (word == name) {
                expectation.field = field;
                return check_field(expectation, begin);
            }
        }
        return refuse(begin, word.empty() ? "expected a field" : fmt::format("'{}' is not a field", word));
    }

    Result<void> check_field(const Expectation& expectation, std::size_t position) const {
        const bool sent_on =
            !expectation.action || std::any_of(kSentOn.begin(), kSentOn.end(), [&](Action action) {
                return static_cast<std::size_t>(action) == *expectation.action;
            });
        if (is_delivery(expectation.field) && !sent_on) {
            return refuse(position,
                          fmt::format("packets are not sent on after {}", kActionNames[*expectation.action]));
        }
        return {};
    }

    Result<void> parse_comparison(Expectation& expectation) {
        skip_blanks();
        for (const auto& [name, comparison] : kComparisons) {
            if (text_.substr(at_).starts_with(name)) {
                expectation.comparison = comparison;
                at_ += name.size();
                return {};
            }
        }
        return refuse(at_, "expected an operator");
    }

    // The decimal point is moved by the factor, so that nothing is rounded.
    Result<void> parse_number(Expectation& expectation) {
        skip_blanks();
        const std::size_t begin = at_;
        std::string digits;
        std::optional<std::size_t> point;
        for (; at_ < text_.size() && (is_digit(text_[at_]) || (text_[at_] == '.' && !point)); ++at_) {
            if (text_[at_] == '.') {
                point = digits.size();
            } else {
                digits += text_[at_];
            }
        }
        if (digits.empty() || !is_digit(text_[begin]) || !is_digit(text_[at_ - 1])) {
            return refuse(begin, "expected a number");
        }
        std::size_t whole = point.value_or(digits.size());
        for (const auto& [letter, zeros] : kFactors) {
            if (at_ < text_.size() && text_[at_] == letter) {
                ++at_;
                whole += zeros;
                break;
            }
        }
        digits.resize(std::max(digits.size(), whole), '0');
        const std::string fraction = digits.substr(whole);
        digits.resize(whole);
        const bool is_whole = fraction.find_first_not_of('0') == std::string::npos;
        const auto [end, code] =
            std::from_chars(digits.data(), digits.data() + digits.size(), expectation.number);
        if (code != std::errc() || end != digits.data() + digits.size()) {
            return refuse(begin, "the number is larger than any counter (2^64 - 1)");
        }
        if (!is_rate(expectation.field) && !is_whole) {
            return refuse(begin, "packets and bytes must be whole numbers");
        }
        const std::string decimal = digits + '.' + fraction;
        std::from_chars(decimal.data(), decimal.data() + decimal.size(), expectation.rate);
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

template <typename Number>
bool compare(Comparison comparison, Number seen, Number wanted) {
    switch (comparison) {
        case Comparison::kEqual:
            return seen == wanted;
        case Comparison::kUnequal:
            return seen != wanted;
        case Comparison::kAtLeast:
            return seen >= wanted;
        case Comparison::kAtMost:
            return seen <= wanted;
        case Comparison::kMore:
            return seen > wanted;
        case Comparison::kLess:
            return seen < wanted;
    }
    return false;
}

// The first reason that there is.
std::string delivery_obstacle(const Expectation& expectation, const DeliveryReport& delivery) {
    if (!delivery.tracked) {
        return delivery.obstacle.empty() ? "what becomes of packets is not tracked" : delivery.obstacle;
    }
    if (!delivery.complete) {
        return fmt::format(
            "what becomes of packets was not tracked yet when the {} totals began; --totals session counts "
            "from now on",
            totals_name(expectation.totals));
    }
    for (const Action action : kSentOn) {
        const auto number = static_cast<std::size_t>(action);
        if (expectation.action.value_or(number) == number && !delivery.unknown[number].empty()) {
            return delivery.unknown[number];
        }
    }
    return {};
}

Seen look_at_delivery(const Expectation& expectation, const SampleReport& report) {
    const DeliveryReport& delivery = report.delivery;
    const auto fate =
        expectation.action ? delivery.count.at(*expectation.action) : sum_of_fates(delivery.count);
    Seen seen;
    seen.known = fate && delivery.complete;
    seen.is_least = fate && !delivery.complete;
    if (fate) {
        seen.number = expectation.field == Field::kLost ? fate->lost : fate->delivered;
    }
    if (!seen.known) {
        seen.obstacle = delivery_obstacle(expectation, delivery);
        // A tracking that begins now does not know either what was before.
        seen.is_lasting = delivery.tracked ? !delivery.complete : delivery.obstacle.empty();
    }
    return seen;
}

}  // namespace

Result<Expectation> parse_expectation(std::string_view text) {
    return Parser(text).parse();
}

bool is_rate(Field field) {
    return field == Field::kPps || field == Field::kBps;
}

bool is_delivery(Field field) {
    return field == Field::kDelivered || field == Field::kLost;
}

std::string_view field_name(Field field) {
    return std::find_if(kFields.begin(), kFields.end(),
                        [&](const auto& each) { return each.second == field; })
        ->first;
}

std::string_view comparison_name(Comparison comparison) {
    return std::find_if(kComparisons.begin(), kComparisons.end(),
                        [&](const auto& each) { return each.second == comparison; })
        ->first;
}

std::string_view action_name(const Expectation& expectation) {
    return expectation.action ? kActionNames.at(*expectation.action) : std::string_view("total");
}

Seen look(const Expectation& expectation, const SampleReport& report) {
    const CounterValues& values = expectation.action ? report.actions.at(*expectation.action) : report.total;
    switch (expectation.field) {
        case Field::kPackets:
            return {report.count_known, values.count.rx_packets, 0};
        case Field::kBytes:
            return {report.count_known, values.count.rx_bytes, 0};
        case Field::kPps:
            return {report.period > 0, 0, values.rate.pps};
        case Field::kBps:
            return {report.period > 0, 0, values.rate.bps};
        case Field::kDelivered:
        case Field::kLost:
            return look_at_delivery(expectation, report);
    }
    return {};
}

bool holds(const Expectation& expectation, const Seen& seen) {
    if (!seen.known) {
        return false;
    }
    return is_rate(expectation.field) ? compare(expectation.comparison, seen.rate, expectation.rate)
                                      : compare(expectation.comparison, seen.number, expectation.number);
}

bool is_exceeded(const Expectation& expectation, const Seen& seen) {
    if ((!seen.known && !seen.is_least) || is_rate(expectation.field)) {
        return false;
    }
    switch (expectation.comparison) {
        case Comparison::kEqual:
        case Comparison::kAtMost:
            return seen.number > expectation.number;
        case Comparison::kLess:
            return seen.number >= expectation.number;
        case Comparison::kUnequal:
        case Comparison::kAtLeast:
        case Comparison::kMore:
            return false;
    }
    return false;
}

std::string excess_text(const Expectation& expectation, const Seen& seen) {
    std::string_view bound;
    if (expectation.comparison == Comparison::kAtMost) {
        bound = "at most ";
    } else if (expectation.comparison == Comparison::kLess) {
        bound = "less than ";
    }
    return fmt::format("too many: {}{}, expected {}{}", seen.is_least ? "at least " : "", seen.number, bound,
                       expectation.number);
}

}  // namespace tally::stats
