// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/option_hints.h"

#include <gtest/gtest.h>

namespace tally {
namespace {

constexpr OptionRow kRows[] = {
    {.name = "--status"}, {.name = "--stable"}, {.name = "--section", .alias = "--progsec", .argument = "NAME"},
    {.name = "--dev", .argument = "IFACE"}, {.name = "--filename", .argument = "FILE"},
};

TEST(NearestOption, IsTheOneThatBeginsSo) {
    EXPECT_EQ(nearest_option(kRows, "--stat"), "--status");
    EXPECT_EQ(nearest_option(kRows, "--progs"), "--progsec");
    EXPECT_EQ(nearest_option(kRows, "--sta"), "");  // two do
}

TEST(NearestOption, IsTheOneThatWasMistyped) {
    EXPECT_EQ(nearest_option(kRows, "--statsu"), "--status");
    EXPECT_EQ(nearest_option(kRows, "--file-name"), "--filename");
    EXPECT_EQ(nearest_option(kRows, "--sectoin"), "--section");
    EXPECT_EQ(nearest_option(kRows, "--nothing-like-it"), "");
    EXPECT_EQ(nearest_option(kRows, "--d"), "");
    EXPECT_EQ(nearest_option(kRows, "-s"), "");
}

TEST(CorrectLine, AnObjectIsAFileWhereThereIsAnOptionForIt) {
    const char* const line[] = {"load", "eth0", "prog.o"};
    constexpr CommandWord kCommands[] = {{"load", ""}};
    EXPECT_EQ(correct_line(line, kRows, kCommands), " --dev eth0 --filename prog.o");
    EXPECT_EQ(correct_line(line, std::span(kRows).first(4), kCommands), " --dev eth0 --dev prog.o");
}

TEST(FindPointer, KnowsEachOfItsNames) {
    constexpr OptionPointer kPointers[] = {{"--iface -i", "a"}, {"--list", "b"}};
    EXPECT_EQ(find_pointer(kPointers, "-i"), "a");
    EXPECT_EQ(find_pointer(kPointers, "--list"), "b");
    EXPECT_EQ(find_pointer(kPointers, "--lis"), "");
}

}  // namespace
}  // namespace tally
