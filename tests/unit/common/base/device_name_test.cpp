// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/device_name.h"

#include <gtest/gtest.h>

namespace tally {
namespace {

TEST(DeviceName, HasTheNamespaceUnlessItIsTheInitialOne) {
    EXPECT_EQ(with_netns("", "eth0"), "eth0");
    EXPECT_EQ(with_netns("red", "eth0"), "red/eth0");
}

TEST(DeviceName, IsWhatIpLinkShowsBeforeThePeerAndTheColon) {
    for (const char* shown : {"veth0", "veth0:", "veth0@veth1", "veth0@veth1:", "veth0@if7:"}) {
        EXPECT_EQ(name_in_ip_link(shown), "veth0") << shown;
    }
    EXPECT_EQ(name_in_ip_link("with:colon"), "with:colon");
    EXPECT_EQ(name_in_ip_link(":"), "");
    EXPECT_EQ(name_in_ip_link(""), "");
}

}  // namespace
}  // namespace tally
