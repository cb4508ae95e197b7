// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Whatever is typed after --expect: refused with a finger on a character, or an expression that means
// something.
#include <cstdint>

#include "stats/expect/expression.h"

#include "property.h"

using namespace tally;
using namespace tally::stats;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto expectation = parse_expectation(text);
    if (!expectation) {
        const Error& error = expectation.error();
        REQUIRE(error.kind == ErrorKind::kUsage && !error.reason.empty() && !error.hint.empty());
        // The text, a new line, and a '^' below one of its characters or right behind the last.
        REQUIRE(error.details.starts_with(text) && error.details[size] == '\n');
        const std::string_view pointer = std::string_view(error.details).substr(size + 1);
        // Four columns for each byte that is shown as \x1b or the like.
        REQUIRE(pointer.find('^') == pointer.size() - 1 && pointer.size() <= 4 * size + 1);
        REQUIRE(pointer.find_first_not_of(' ') == pointer.size() - 1);
        return 0;
    }
    REQUIRE(expectation->text == text);
    REQUIRE(!action_name(*expectation).empty() && !field_name(expectation->field).empty());
    // A value equals itself, so exactly one of < == > holds, and the other three follow.
    Expectation each = *expectation;
    const Seen seen = {true, expectation->number, expectation->rate};
    const auto holds_as = [&](Comparison comparison) {
        each.comparison = comparison;
        return holds(each, seen);
    };
    REQUIRE(holds_as(Comparison::kEqual) && holds_as(Comparison::kAtLeast) && holds_as(Comparison::kAtMost));
    REQUIRE(!holds_as(Comparison::kUnequal) && !holds_as(Comparison::kMore) && !holds_as(Comparison::kLess));
    REQUIRE(!holds(*expectation, Seen{}));
    return 0;
}
