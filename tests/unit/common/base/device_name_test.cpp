// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/device_name.h"

#include <gtest/gtest.h>

namespace tally {
namespace {

TEST(DeviceName, HasTheNamespaceUnlessItIsTheInitialOne) {
    EXPECT_EQ(with_netns("", "eth0"), "eth0");
    EXPECT_EQ(with_netns("red", "eth0"), "red/eth0");
}

}  // namespace
}  // namespace tally
