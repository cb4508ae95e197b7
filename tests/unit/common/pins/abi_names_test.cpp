// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/abi_names.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>

#include "common/pins/pin_names.h"

namespace tally {
namespace {

TEST(Names, ActionsStandAtTheirNumbers) {
    EXPECT_EQ(kActionNames[XDP_ABORTED], "XDP_ABORTED");
    EXPECT_EQ(kActionNames[XDP_DROP], "XDP_DROP");
    EXPECT_EQ(kActionNames[XDP_PASS], "XDP_PASS");
    EXPECT_EQ(kActionNames[XDP_TX], "XDP_TX");
    EXPECT_EQ(kActionNames[XDP_REDIRECT], "XDP_REDIRECT");
}

TEST(Names, ModesAndAttachKindsHaveWords) {
    EXPECT_EQ(mode_name(XDP_TALLY_MODE_NATIVE), "native");
    EXPECT_EQ(mode_name(XDP_TALLY_MODE_GENERIC), "generic");
    EXPECT_EQ(mode_name(XDP_TALLY_MODE_OFFLOADED), "offloaded");
    EXPECT_EQ(attach_name(XDP_TALLY_ATTACH_LINK), "link");
    EXPECT_EQ(attach_name(XDP_TALLY_ATTACH_DISPATCHER), "dispatcher");
    EXPECT_EQ(attach_name(XDP_TALLY_ATTACH_NETLINK), "netlink");
    EXPECT_EQ(attach_name(XDP_TALLY_ATTACH_OBSERVE), "observe");
}

TEST(Names, NumbersOfANewerWriterAreUnknown) {
    for (const std::uint32_t number : {0U, 5U, 4294967295U}) {
        EXPECT_EQ(mode_name(number), "unknown");
        EXPECT_EQ(attach_name(number), "unknown");
    }
}

TEST(PinName, HasNoDot) {
    EXPECT_EQ(encode_pin_name("eth0"), "eth0");
    EXPECT_EQ(encode_pin_name("eth0.100"), "eth0%2E100");
    EXPECT_EQ(encode_pin_name(".rodata.cst"), "%2Erodata%2Ecst");
    EXPECT_EQ(encode_pin_name("100%"), "100%25");
    EXPECT_EQ(encode_pin_name(""), "");
}

TEST(PinName, RoundTripsEveryByteAndEveryEscape) {
    std::string all;
    for (int byte = 1; byte < 256; ++byte) {
        all += static_cast<char>(byte);
    }
    for (const std::string& name :
         {all, std::string("a.b.c"), std::string("..."), std::string("%2E"), std::string("%252E"),
          std::string("%"), std::string(".%.%"), std::string()}) {
        const std::string component = encode_pin_name(name);
        EXPECT_EQ(component.find('.'), std::string::npos) << name;
        EXPECT_EQ(decode_pin_name(component), name);
    }
}

TEST(PinName, DifferentNamesNeverCollide) {
    EXPECT_NE(encode_pin_name("a.b"), encode_pin_name("a%2Eb"));
    EXPECT_NE(encode_pin_name("a%b"), encode_pin_name("a%25b"));
}

TEST(PinName, WhatIsNoEscapeStaysAsItIs) {
    EXPECT_EQ(decode_pin_name("a%2eb"), "a%2eb");
    EXPECT_EQ(decode_pin_name("a%4"), "a%4");
    EXPECT_EQ(decode_pin_name("%"), "%");
    EXPECT_EQ(decode_pin_name("netns:blue"), "netns:blue");
}

}  // namespace
}  // namespace tally
