// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/shell_word.h"

#include <gtest/gtest.h>

namespace tally {
namespace {

TEST(ShellWord, LeavesPlainWordsAlone) {
    for (const auto* const word : {"veth0", "eth0.100", "/proc/12/ns/net", "netns:red%2E1", "a_b-c", "x=y"}) {
        EXPECT_EQ(shell_word(word), word);
    }
}

TEST(ShellWord, QuotesWhatTheShellWouldActOn) {
    EXPECT_EQ(shell_word("a;reboot"), "'a;reboot'");
    EXPECT_EQ(shell_word("$x"), "'$x'");
    EXPECT_EQ(shell_word("a b"), "'a b'");
    EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_word(""), "''");
    EXPECT_EQ(shell_word("~"), "'~'");
}

TEST(ShellWord, AnOptionsValueThatLooksLikeAnOption) {
    EXPECT_EQ(shell_option("--dev", "veth0"), "--dev veth0");
    EXPECT_EQ(shell_option("--dev", "-x"), "--dev=-x");
    EXPECT_EQ(shell_option("--netns", "-a b"), "--netns='-a b'");
}

}  // namespace
}  // namespace tally
