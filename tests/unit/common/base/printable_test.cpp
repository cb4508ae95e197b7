// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/printable.h"

#include <gtest/gtest.h>

namespace tally {
namespace {

TEST(Printable, ShowsWhatATerminalWouldObey) {
    EXPECT_EQ(printable("eth0"), "eth0");
    EXPECT_EQ(printable("\x1b[2J\a"), "\\x1b[2J\\x07");
    EXPECT_EQ(printable(std::string_view("a\0b\x7f", 4)), "a\\x00b\\x7f");
    EXPECT_EQ(printable("one\n\ttwo"), "one\\x0a\\x09two");
    EXPECT_EQ(printable("one\n\ttwo\x1b", true), "one\n\ttwo\\x1b");
}

TEST(DisplayWidth, CountsCharacters) {
    EXPECT_EQ(display_width(""), 0U);
    EXPECT_EQ(display_width("eth0"), 4U);
    EXPECT_EQ(display_width("\xc3\xa9\xe2\x82\xac"), 2U);
}

}  // namespace
}  // namespace tally
