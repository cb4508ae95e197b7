// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/loss_reasons.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <string>

#include <xdp_tally/delivery.h>

namespace tally::stats {
namespace {

TEST(LossReasons, HaveTheKernelsName) {
    EXPECT_EQ(loss_name(ENETDOWN), "ENETDOWN");
    EXPECT_EQ(loss_name(EOPNOTSUPP), "EOPNOTSUPP");
    EXPECT_EQ(loss_name(XDP_TALLY_LOST_EXCEPTION), "xdp_exception");
    EXPECT_EQ(loss_name(524), "reason_524");  // the kernel's ENOTSUPP, which the C library does not know
    EXPECT_EQ(loss_name(0x20000), "reason_131072");
}

TEST(LossReasons, AreWordsOfTheirVerdict) {
    EXPECT_EQ(loss_text(XDP_REDIRECT, ENETDOWN), "target is down (ENETDOWN)");
    EXPECT_EQ(loss_text(XDP_TX, ENETDOWN), "device is down (ENETDOWN)");
    EXPECT_EQ(loss_text(XDP_ABORTED, XDP_TALLY_LOST_EXCEPTION), "program aborted (xdp_exception)");
    EXPECT_EQ(loss_text(XDP_REDIRECT, 0x20000), "unknown reason (reason_131072)");
    EXPECT_EQ(loss_text(XDP_REDIRECT, EIO), std::string(std::strerror(EIO)) + " (EIO)");
}

TEST(LossReasons, NamesAreUnique) {
    std::set<std::string> names;
    for (const std::uint32_t reason :
         {std::uint32_t{XDP_TALLY_LOST_NO_REASON}, std::uint32_t{XDP_TALLY_LOST_EXCEPTION},
          std::uint32_t{XDP_TALLY_LOST_QUEUE_FULL}, std::uint32_t{XDP_TALLY_LOST_PROGRAM}}) {
        EXPECT_TRUE(names.insert(loss_name(reason)).second) << reason;
    }
}

}  // namespace
}  // namespace tally::stats
