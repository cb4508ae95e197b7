// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/columns.h"

#include <gtest/gtest.h>

namespace tally {
namespace {

TEST(AlignColumns, MakesThemAsWideAsTheirWidestCell) {
    EXPECT_EQ(
        align_columns({{"device", "id", "state"}, {"eth0", "1234", "attached"}, {"lo", "7", "none"}}, {1}),
        "device    id  state\n"
        "eth0    1234  attached\n"
        "lo         7  none\n");
}

TEST(AlignColumns, CountsCharactersNotBytes) {
    EXPECT_EQ(align_columns({{"\xc3\xbcpl\xc3\xafnk", "veth"}, {"lo", "-"}, {"\xe2\x82\xac", "7"}}, {1}),
              "\xc3\xbcpl\xc3\xafnk  veth\n"
              "lo         -\n"
              "\xe2\x82\xac          7\n");
}

TEST(AlignColumns, LeavesNoBlanksAtTheEndOfALine) {
    EXPECT_EQ(align_columns({{"a", "b"}, {"", ""}, {"c", ""}}), "a  b\n\nc\n");
    EXPECT_EQ(align_columns({}), "");
}

}  // namespace
}  // namespace tally
