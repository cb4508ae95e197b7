// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/model/order.h"

#include <gmock/gmock.h>
#include <linux/bpf.h>

#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SampleReport report_of(const std::string& title, double drops = 0, double passes = 0) {
    SampleReport report = example_report();
    report.title = title;
    report.device = title;
    report.actions[XDP_DROP].rate.pps = drops;
    report.actions[XDP_PASS].rate.pps = passes;
    report.total.rate = {drops + passes, 8 * (drops + passes)};
    return report;
}

// What the list shows at a moment, of such a choice.
SourceList listed(const ScreenState& model, double now, Sort sort = Sort::kName,
                  const std::string& filter = "", bool hide_idle = false) {
    LiveChoice choice;
    choice.sort = sort;
    choice.filter = filter;
    choice.hide_idle = hide_idle;
    return list_sources(model, choice, now);
}

std::vector<std::string> titles(const SourceList& list) {
    std::vector<std::string> all;
    for (const Listed& one : list.order) {
        all.push_back(one.source->report.title);
    }
    return all;
}

TEST(Order, NumbersInNamesAreNumbers) {
    ScreenState model(Totals::kMap);
    for (const char* title : {"eth10", "eth2", "a", "eth2.100", "eth2.20", "eth02", "eth"}) {
        model.take(model.sources().size(), report_of(title), 1);
    }
    EXPECT_THAT(titles(listed(model, 1)),
                ElementsAre("a", "eth", "eth2", "eth02", "eth2.20", "eth2.100", "eth10"));
}

TEST(Order, TheBusiestComesFirst) {
    ScreenState model(Totals::kMap);
    model.take(1, report_of("a", 5, 0), 1);
    model.take(2, report_of("b", 1, 90), 1);
    model.take(3, report_of("c", 0, 7), 1);
    model.take(4, report_of("d", 0, 7), 1);
    EXPECT_THAT(titles(listed(model, 1, Sort::kPackets)), ElementsAre("b", "c", "d", "a"));
    EXPECT_THAT(titles(listed(model, 1, Sort::kDrops)), ElementsAre("a", "b", "c", "d"));
}

TEST(Order, TroubleComesFirstWhateverTheOrder) {
    ScreenState model(Totals::kMap);
    model.take(1, report_of("busy", 50, 50), 1);
    SampleReport report = report_of("stale");
    report.state = AttachState::kStale;
    model.take(2, report, 1);
    report = report_of("detached");
    report.state = AttachState::kDetached;
    model.take(3, report, 1);
    report = report_of("aborts");
    report.actions[XDP_ABORTED].rate.pps = 1;
    model.take(4, report, 1);
    for (const Sort sort : {Sort::kName, Sort::kPackets, Sort::kDrops, Sort::kProgram}) {
        EXPECT_THAT(titles(listed(model, 1, sort)), ElementsAre("detached", "stale", "aborts", "busy"));
    }
    const SourceList list = listed(model, 1, Sort::kName, "busy");
    EXPECT_EQ(list.order.size(), 1U);
    EXPECT_THAT(list.troubles, ElementsAre(1U, 0U, 0U, 1U, 1U, 1U)) << "also of those that are filtered out";
}

TEST(Order, TheFilterLooksAtNamesAndPrograms) {
    ScreenState model(Totals::kMap);
    SampleReport report = report_of("red/eth0");
    report.device = "eth0";
    report.netns = "red";
    report.program->name = "xdp_filter";
    model.take(1, report, 1);
    model.take(2, report_of("eth1"), 1);
    EXPECT_THAT(titles(listed(model, 1, Sort::kName, "ETH")), ElementsAre("eth1", "red/eth0"));
    EXPECT_THAT(titles(listed(model, 1, Sort::kName, "red")), ElementsAre("red/eth0"));
    EXPECT_THAT(titles(listed(model, 1, Sort::kName, "FILTER")), ElementsAre("red/eth0"));
    EXPECT_THAT(titles(listed(model, 1, Sort::kName, "eth9")), IsEmpty());
}

TEST(Order, IdleDevicesAreHiddenUnlessInTrouble) {
    ScreenState model(Totals::kMap);
    model.take(1, report_of("busy", 0, 1), 100);
    model.take(2, report_of("idle"), 100);
    SampleReport report = report_of("detached");
    report.state = AttachState::kDetached;
    model.take(3, report, 100);
    EXPECT_THAT(titles(listed(model, 100, Sort::kName, "", true)), ElementsAre("detached", "busy"));
    EXPECT_EQ(listed(model, 100, Sort::kName, "", true).hidden, 1U);
    // Its packets are too long ago.
    model.take(1, report_of("busy"), 200);
    EXPECT_THAT(titles(listed(model, 200, Sort::kName, "", true)), ElementsAre("detached"));
}

TEST(Order, SortsGoRound) {
    EXPECT_EQ(next(Sort::kName), Sort::kPackets);
    EXPECT_EQ(next(next(next(next(Sort::kName)))), Sort::kName);
}

TEST(Trouble, AbortedPacketsAreTroubleForAWhile) {
    ScreenState model(Totals::kMap);
    SampleReport report = report_of("a");
    report.actions[XDP_ABORTED].rate.pps = 3;
    model.take(1, report, 100);
    EXPECT_EQ(trouble_of(*model.find(1), 100), Trouble::kAborted);
    EXPECT_EQ(trouble_of(*model.find(1), 100 + kTroubleLasts - 3), Trouble::kAborted);
    EXPECT_EQ(trouble_of(*model.find(1), 100 + kTroubleLasts + 3), Trouble::kNone);
}

TEST(Trouble, SoAreLostOnesAndThenTheyAreAMark) {
    ScreenState model(Totals::kMap);
    SampleReport report = report_of("a");
    report.delivery.tracked = true;
    model.take(1, report, 99);
    EXPECT_EQ(lost_of(*model.find(1)), std::nullopt);
    report.delivery.count[XDP_REDIRECT] = Fate{0, 3, {{ENETDOWN, 3}}};
    report.delivery.session = report.delivery.count;
    report.delivery.lifetime[XDP_REDIRECT] = Fate{0, 7, {{ENETDOWN, 7}}};
    model.take(1, report, 100);
    const ScreenSource& source = *model.find(1);
    model.take(1, report, 101);
    report.delivery.session[XDP_REDIRECT].reset();  // not known for a moment
    model.take(1, report, 102);
    report.delivery.session = report.delivery.count;
    model.take(1, report, 103);
    EXPECT_EQ(trouble_of(source, 100 + kTroubleLasts - 3), Trouble::kLost);
    EXPECT_EQ(trouble_of(source, 100 + kTroubleLasts + 3), Trouble::kLostBefore);
    EXPECT_EQ(lost_of(source), 3U) << "of the verdicts of which it is known";
    model.choose_totals(Totals::kLifetime);
    EXPECT_EQ(lost_of(source), 7U);
    model.reset_totals();
    EXPECT_EQ(lost_of(source), std::nullopt) << "nobody knows of aborted and transmitted ones";
    EXPECT_EQ(trouble_of(source, 200), Trouble::kNone);
}

TEST(Trouble, LossesThatAreOverComeBeforeWhatIsWell) {
    ScreenState model(Totals::kMap);
    model.take(1, report_of("busy", 50, 50), 100);
    SampleReport report = report_of("lossy");
    report.delivery.tracked = true;
    report.delivery.count[XDP_TX] = Fate{0, 3, {{ENETDOWN, 3}}};
    model.take(2, report, 100);
    report = report_of("stale");
    report.state = AttachState::kStale;
    model.take(3, report, 100);
    EXPECT_THAT(titles(listed(model, 100, Sort::kPackets)), ElementsAre("stale", "lossy", "busy"));
    EXPECT_THAT(titles(listed(model, 900, Sort::kName, "", true)), ElementsAre("stale", "lossy"));
}

TEST(Trouble, TheWorstIsTold) {
    ScreenSource source;
    source.report = report_of("a");
    EXPECT_EQ(state_text(source, trouble_of(source, 1)), "attached g1");
    source.report.delivery.tracked = true;
    EXPECT_EQ(trouble_of(source, 1), Trouble::kNone);
    source.events.last_lost = 1;
    EXPECT_EQ(state_text(source, trouble_of(source, 1)), "LOST g1");
    source.report.state = AttachState::kStale;
    EXPECT_EQ(state_text(source, trouble_of(source, 1)), "STALE g1");
    source.report.state = AttachState::kDetached;
    EXPECT_EQ(state_text(source, trouble_of(source, 1)), "DETACHED g1");
    source.report.readable = false;
    source.events = {};
    EXPECT_EQ(state_text(source, trouble_of(source, 1)), "waiting");
}

}  // namespace
}  // namespace tally::stats
