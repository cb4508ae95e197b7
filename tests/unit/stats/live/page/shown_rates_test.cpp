// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/shown_rates.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

SampleReport report_of(double drops, double passes) {
    SampleReport report = example_report();
    report.actions[XDP_DROP].rate.pps = drops;
    report.actions[XDP_PASS].rate.pps = passes;
    report.total.rate = {drops + passes, 8 * (drops + passes)};
    return report;
}

class SumShown : public testing::Test {
  protected:
    SumShown() {
        model_.take(1, report_of(5, 0), 1);
        model_.take(2, report_of(1, 90), 1);
        model_.take(3, report_of(0, 7), 1);
        model_.take(4, report_of(0, 7), 1);
    }

    ScreenState model_{Totals::kMap};
    LiveChoice choice_;
};

TEST_F(SumShown, IsOfAllSources) {
    const Sum sum = sum_shown(model_, choice_, 1);
    EXPECT_EQ(sum.pps, 5 + 91 + 7 + 7);
    EXPECT_EQ(sum.bps, 8 * (5 + 91 + 7 + 7));
    EXPECT_EQ(sum.drop_pps, 6);
}

TEST_F(SumShown, IsOfOneSource) {
    const ScreenSource& source = model_.sources().at(1);
    EXPECT_EQ(sum_shown(source, choice_, 1).pps, 5);
    EXPECT_EQ(sum_shown(source, choice_, 1).drop_pps, 5);
    choice_.cursor = 0;
    EXPECT_EQ(sum_shown(source, choice_, 1).pps, 5);
    EXPECT_EQ(sum_shown(source, choice_, 1).drop_pps, 5);
}

TEST_F(SumShown, IsThatAtTheCursor) {
    // The latest second; before it there was nothing.
    choice_.cursor = 0;
    EXPECT_EQ(sum_shown(model_, choice_, 1).pps, 5 + 91 + 7 + 7);
    EXPECT_EQ(sum_shown(model_, choice_, 1).drop_pps, 6);
    choice_.cursor = -10;
    EXPECT_EQ(sum_shown(model_, choice_, 1).pps, 0);
}

}  // namespace
}  // namespace tally::stats
