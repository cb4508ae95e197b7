// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/link_attach.h"

#include <gtest/gtest.h>

namespace tally::loader {
namespace {

TEST(UpperDeviceRefusal, IsToldFromOtherRefusals) {
    const std::string words = "Cannot attach when an upper device already has a program";
    EXPECT_EQ(find_upper_device_refusal("libbpf: Kernel error message: " + words + "\n"), words);
    EXPECT_EQ(
        find_upper_device_refusal("libbpf: Kernel error message: Active program does not match expected\n"),
        "");
    EXPECT_EQ(find_upper_device_refusal(""), "");
}

}  // namespace
}  // namespace tally::loader
