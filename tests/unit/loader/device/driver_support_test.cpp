// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/device/driver_support.h"

#include <gtest/gtest.h>

namespace tally::loader {
namespace {

constexpr std::uint64_t kNativeAndRedirect =
    static_cast<std::uint64_t>(XdpFeature::kNative) | static_cast<std::uint64_t>(XdpFeature::kRedirect);

TEST(DescribeDriver, NamesWhatItHas) {
    EXPECT_EQ(describe_driver("veth", {kNativeAndRedirect, {}, 0}, XdpFeature::kNative),
              "the driver (veth) has native mode, redirects");
}

TEST(DescribeDriver, NamesWhatIsMissingFirst) {
    EXPECT_EQ(describe_driver("virtio_net", {kNativeAndRedirect, {}, 0}, XdpFeature::kReceivesRedirects),
              "the driver (virtio_net) lacks receiving redirects (NDO_XMIT), and has native mode, redirects");
    EXPECT_EQ(describe_driver("", {}, XdpFeature::kNative),
              "the driver lacks native mode, and has no XDP features");
}

// The loopback device has no driver with a name, and runs no program itself.
TEST(DescribeDriver, AsksTheKernel) {
    EXPECT_EQ(driver_name("lo"), "");
    EXPECT_EQ(driver_name("nosuch0"), "");
    const auto native = driver_has(1, XdpFeature::kNative);
    EXPECT_EQ(describe_driver({"lo", 1, 0}, XdpFeature::kNative),
              native ? "the driver lacks native mode, and has no XDP features" : "");
    EXPECT_EQ(driver_has(0x7ffffff0, XdpFeature::kNative), std::nullopt);
}

}  // namespace
}  // namespace tally::loader
