// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/function_choice.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tally::loader {
namespace {

std::vector<Function> unknown(std::initializer_list<const char*> sections) {
    std::vector<Function> functions;
    for (const auto* section : sections) {
        functions.push_back({fmt::format("f{}", functions.size()), section, "unknown"});
    }
    return functions;
}

TEST(FunctionChoice, TargetOfTailCallsOnlyWhereNothingElseIs) {
    std::vector<Function> functions = {{"target", "xdp", "xdp", true}, {"entry", "prog", "unknown"}};
    const auto chosen = choose_function(functions, {}, {}, "file");
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->index, 1U);
    EXPECT_EQ(chosen->candidates, 1U);
    functions.pop_back();
    EXPECT_EQ(choose_function(functions, {}, {}, "file")->index, 0U);
}

TEST(FunctionChoice, FunctionInTextOnlyWhereNothingElseIs) {
    EXPECT_EQ(choose_function(unknown({".text", "prog"}), {}, {}, "file")->index, 1U);
    EXPECT_EQ(choose_function(unknown({".text"}), {}, {}, "file")->index, 0U);
    EXPECT_FALSE(choose_function(unknown({".text", ".text"}), {}, {}, "file"));
}

TEST(FunctionChoice, NameBeatsEveryRuleAndTakesTargetsToo) {
    const std::vector<Function> functions = {{"a", "xdp", "xdp"}, {"b", "1", "unknown", true}};
    const auto chosen = choose_function(functions, "b", {}, "file");
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->index, 1U);
    EXPECT_TRUE(chosen->reason.empty());
}

TEST(FunctionChoice, SectionIsTheWholeName) {
    EXPECT_EQ(choose_function(unknown({"xdp_1", "xdp_12", "xdp_1"}), {}, "xdp_12", "file")->index, 1U);
    EXPECT_EQ(choose_function(unknown({"a", "xdp_1", "xdp_1"}), {}, "xdp_1", "file")->index, 1U);
    EXPECT_EQ(choose_function(unknown({"xdp_1"}), {}, "xdp", "file").error().kind, ErrorKind::kNotFound);
}

TEST(FunctionChoice, NothingAtAll) {
    const auto chosen = choose_function({}, {}, {}, "file");
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace tally::loader
