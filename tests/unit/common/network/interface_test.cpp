// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/interface.h"

#include <gmock/gmock.h>

#include "common/network/link_socket.h"

namespace tally {
namespace {

using testing::HasSubstr;

TEST(InterfaceName, EverythingTheKernelTakesIsAccepted) {
    for (const char* name : {"a", "eth0", "eth0.100", "fifteen-letters", "br-1_x@y", "...", ".hidden",
                             "gr\xc3\xbcn", "a\"b", "-x"}) {
        EXPECT_TRUE(check_interface_name(name)) << name;
    }
}

struct Bad {
    const char* name;
    const char* reason;
};

class BadInterfaceName : public testing::TestWithParam<Bad> {};

TEST_P(BadInterfaceName, IsAUsageErrorThatShowsIt) {
    const auto checked = check_interface_name(GetParam().name);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().kind, ErrorKind::kUsage);
    EXPECT_THAT(checked.error().what, HasSubstr(GetParam().name));
    EXPECT_THAT(checked.error().reason, HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(Interface, BadInterfaceName,
                         testing::Values(Bad{"", "empty"}, Bad{"sixteen-letters-", "16 bytes"},
                                         Bad{".", "not allowed"}, Bad{"..", "not allowed"},
                                         Bad{"a/b", "not allowed"}, Bad{"/", "not allowed"},
                                         Bad{"../x", "not allowed"}, Bad{"a:b", "not allowed"},
                                         Bad{"a b", "not allowed"}, Bad{"a\tb", "not allowed"},
                                         Bad{"a\n", "not allowed"}));

TEST(Interface, LoopbackIsThere) {
    const auto lo = resolve_interface("lo");
    ASSERT_TRUE(lo) << lo.error().message();
    EXPECT_EQ(lo->name, "lo");
    EXPECT_EQ(lo->ifindex, 1U);
    EXPECT_GT(lo->mtu, 0U);
}

TEST(Interface, OneThatDoesNotExistIsNotFound) {
    const auto none = resolve_interface("no-such-device");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().kind, ErrorKind::kNotFound);
    EXPECT_THAT(none.error().message(), HasSubstr("no-such-device"));
    EXPECT_EQ(resolve_interface("a/b").error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace tally
