// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/options/option_hints.h"

#include <gmock/gmock.h>

namespace tally {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr OptionRow kSomeRows[] = {
    {.name = "--status"},
    {.name = "--stable"},
    {.name = "--section", .alias = "--progsec", .argument = "NAME"},
    {.name = "--dev", .argument = "IFACE"},
    {.name = "--filename", .argument = "FILE"},
};

TEST(NearestOption, IsTheOneThatBeginsSo) {
    EXPECT_EQ(nearest_option(kSomeRows, "--stat"), "--status");
    EXPECT_EQ(nearest_option(kSomeRows, "--progs"), "--progsec");
    EXPECT_EQ(nearest_option(kSomeRows, "--sta"), "");  // two do
}

TEST(NearestOption, IsTheOneThatWasMistyped) {
    EXPECT_EQ(nearest_option(kSomeRows, "--statsu"), "--status");
    EXPECT_EQ(nearest_option(kSomeRows, "--file-name"), "--filename");
    EXPECT_EQ(nearest_option(kSomeRows, "--sectoin"), "--section");
    EXPECT_EQ(nearest_option(kSomeRows, "--nothing-like-it"), "");
    EXPECT_EQ(nearest_option(kSomeRows, "--d"), "");
    EXPECT_EQ(nearest_option(kSomeRows, "-s"), "");
}

TEST(CorrectLine, AnObjectIsAFileWhereThereIsAnOptionForIt) {
    const char* const line[] = {"load", "eth0", "prog.o"};
    constexpr CommandWord kLoad[] = {{"load", ""}};
    EXPECT_THAT(correct_line(line, kSomeRows, kLoad), ElementsAre("--dev", "eth0", "--filename", "prog.o"));
    EXPECT_THAT(correct_line(line, std::span(kSomeRows).first(4), kLoad), IsEmpty());
}

TEST(FindPointer, KnowsEachOfItsNames) {
    constexpr OptionPointer kSomePointers[] = {{"--iface -i", "a"}, {"--list", "b"}};
    EXPECT_EQ(find_pointer(kSomePointers, "-i"), "a");
    EXPECT_EQ(find_pointer(kSomePointers, "--list"), "b");
    EXPECT_EQ(find_pointer(kSomePointers, "--lis"), "");
}

}  // namespace
}  // namespace tally
