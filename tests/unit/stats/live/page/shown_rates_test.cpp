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
    EXPECT_EQ(sum_shown(source, choice_, 1)->pps, 5);
    EXPECT_EQ(sum_shown(source, choice_, 1)->drop_pps, 5);
    choice_.cursor = 0;
    EXPECT_EQ(sum_shown(source, choice_, 1)->pps, 5);
    EXPECT_EQ(sum_shown(source, choice_, 1)->drop_pps, 5);
}

// As after a change of the window.
TEST_F(SumShown, ACursorInsideAColumnIsOfThatColumn) {
    for (int second = 2; second <= 20; ++second) {
        model_.take(1, report_of(second <= 12 ? 1 : 9, 0), second);
    }
    const ScreenSource& source = model_.sources().at(1);
    const TimeColumns columns = time_columns(20, 50, 10);
    ASSERT_EQ(columns.step, 5);
    for (const double moment : {5.0, 7.0, 8.0, 9.9}) {
        choice_.cursor = moment;
        const Plot plot = plot_of(source, columns, choice_, {});
        ASSERT_TRUE(plot.cursor);
        EXPECT_EQ(columns.at(*plot.cursor), 5) << moment;
        EXPECT_NEAR(sum_shown(source, choice_, columns.step)->pps, 1, 1e-3) << moment;
    }
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
