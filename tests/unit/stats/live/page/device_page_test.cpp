// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/page.h"
#include "stats/live/page/page_for_tests.h"

namespace tally::stats {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class DevicePage : public PageTest {
  protected:
    DevicePage() { choice_.device = true; }
};

TEST_F(DevicePage, NamesProgramMapAndDevice) {
    add(0, "veth0");
    context_.facts.pin = "/sys/fs/bpf/veth0/xdp_stats_map";
    context_.facts.pins = {"xdp_link", "xdp_stats_map"};
    context_.facts.mtu = 1500;
    context_.facts.link = "up";
    context_.facts.driver = "native mode, redirects";
    EXPECT_THAT(text(80, 24), AllOf(HasSubstr("xdp_pass (id 57), native mode, by link, generation 1"),
                                    HasSubstr("32, pinned at /sys/fs/bpf/veth0/xdp_stats_map"),
                                    HasSubstr("MTU 1500, up, driver: native mode, redirects"),
                                    HasSubstr("xdp_link, xdp_stats_map")));
}

TEST_F(DevicePage, TheTitleIsOfTheDeviceAlone) {
    SampleReport busy = report_of("veth1");
    busy.total.rate = {9015, 80000};
    busy.actions[XDP_DROP].rate.pps = 9015;
    busy.actions[XDP_PASS].rate.pps = 0;
    add(0, "veth0");
    take(1, busy);
    EXPECT_THAT(page(120, 36).front(),
                AllOf(HasSubstr("veth0"), HasSubstr(" 5.00 pkt/s  3.92 kbit/s  drop 0.0 %")));
    choice_.device = false;
    EXPECT_THAT(page(120, 36).front(), HasSubstr(" 9.02 kpkt/s "));
}

TEST_F(DevicePage, NothingIsCutThatHasRoom) {
    add(0, "veth0");
    context_.facts.mtu = 1500;
    context_.facts.link = "up";
    context_.facts.driver = "native mode, redirects, frags, zero-copy, offload, timestamp, hash, VLAN tag";
    // 67 columns beside the label: the text is folded behind a comma.
    EXPECT_THAT(text(80, 36), AllOf(HasSubstr("frags,"), HasSubstr("hash, VLAN tag"), Not(HasSubstr("…"))));
    EXPECT_THAT(text(120, 36), HasSubstr("timestamp, hash, VLAN tag"));
}

TEST_F(DevicePage, HasATableOfTheVerdicts) {
    add(0, "veth0");
    const std::string shown = text(120, 36);
    // 3920 bit/s in 5 packets/s are 98 bytes a frame; the earlier drop had 60.
    EXPECT_THAT(shown,
                AllOf(HasSubstr("VERDICT"), HasSubstr("D drop"), HasSubstr("P pass"), HasSubstr("total"),
                      HasSubstr("100.0 %"), HasSubstr("98 B"), HasSubstr("60 B"), HasSubstr("1,040")));
}

TEST_F(DevicePage, TellsWhyPacketsWereLost) {
    ScreenSource source;
    source.report = report_of("veth0");
    source.report.before_start[XDP_REDIRECT] = {1000, 60000};
    source.report.delivery.tracked = true;
    source.report.delivery.count[XDP_REDIRECT] = Fate{0, 1002, {{ENETDOWN, 1000}, {EMSGSIZE, 2}}};
    source.report.actions[XDP_TX].count = {1, 60};
    source.report.delivery.unknown[XDP_TX] = "generic mode";
    Canvas canvas(120, 36, {});
    DrawnPage drawn;
    draw_device(canvas, model_, source, choice_, context_, drawn);
    EXPECT_THAT(fmt::format("{}", fmt::join(lines_of(canvas), "\n")),
                AllOf(HasSubstr("  lost 1,000: target is down (ENETDOWN) "),
                      HasSubstr("  lost 2: frame is longer than the target's MTU (EMSGSIZE) "),
                      HasSubstr("  delivered: not known: generic mode ")));
}

TEST_F(DevicePage, AReasonIsNeverCut) {
    SampleReport report = lossy_report();
    report.delivery.count[XDP_REDIRECT] = Fate{0, 202, {{EOPNOTSUPP, 200}, {ENXIO, 2}}};
    take(0, report);
    for (const auto& [width, height] : {std::pair{80, 24}, {100, 30}, {160, 36}, {200, 60}}) {
        EXPECT_THAT(text(width, height),
                    AllOf(HasSubstr("lost 200: target takes no redirected frames (EOPNOTSUPP) "),
                          HasSubstr("lost 2: target's other end is down, or takes no frames (ENXIO) "),
                          HasSubstr("  total ")))
            << width;
    }
    EXPECT_THAT(text(60, 30),
                AllOf(HasSubstr("lost 2: target's other end is down, "), HasSubstr("(ENXIO) ")));
    choice_.device = false;
    EXPECT_THAT(text(160, 36), HasSubstr("lost 2: target's other end is down, or takes no frames (ENXIO) "));
}

TEST_F(DevicePage, AfterAResetLossesAreThoseSinceThen) {
    SampleReport report = lossy_report();
    take(0, report);
    EXPECT_THAT(text(120, 36), HasSubstr("lost 1,000: target is down (ENETDOWN) "));
    model_.reset_totals();
    EXPECT_THAT(text(120, 36), Not(HasSubstr("dropped it")));
    report.actions[XDP_REDIRECT].session.rx_packets += 2;
    report.delivery.session[XDP_REDIRECT] = Fate{0, 5, {{XDP_TALLY_LOST_NO_REASON, 5}}};
    take(0, report);
    EXPECT_THAT(text(120, 36),
                AllOf(HasSubstr(" 2: target's driver dropped it"), Not(HasSubstr("ENETDOWN"))));
}

TEST_F(DevicePage, TellsWhatTheProgramCosts) {
    SampleReport report = report_of("veth0");
    report.cost = costly_report().cost;
    report.cost->note = "of the dispatcher";
    take(0, report);
    EXPECT_THAT(text(100, 36), HasSubstr("cost     23.5 ns a run, 0.000 % of a CPU, of the dispatcher"));
}

TEST_F(DevicePage, ListsTheProgramsOfTheChain) {
    add(0, "veth0");
    context_.facts.chain = {{7, "first", 10, "pass"}, {12, "second", 50, "pass, redirect"}};
    EXPECT_THAT(text(100, 36), AllOf(HasSubstr("chain 1  first (id 7), priority 10, the next one after pass"),
                                     HasSubstr("chain 2  second (id 12), priority 50")));
}

TEST_F(DevicePage, HasACellForEveryCpu) {
    SampleReport report = report_of("veth0");
    report.cpus = {example_cpu(0, XDP_PASS, {{}, {}, {1000, 0}}),
                   example_cpu(3, XDP_DROP, {{}, {}, {500, 0}})};
    take(0, report);
    // 1000 is 2.7 times the mean of four.
    EXPECT_THAT(text(),
                AllOf(HasSubstr("0 ▇··▄"),
                      HasSubstr("4 CPUs, busiest cpu 0: 1.00 kpkt/s, unevenness 2.7 (busiest / mean)")));
}

TEST_F(DevicePage, TheHeadingOfTheCpusIsThereAtAnyWidth) {
    SampleReport report = report_of("veth0");
    report.cpus = {example_cpu(0, XDP_PASS, {{}, {}, {1000, 0}})};
    take(0, report);
    for (int width = 40; width < 120; ++width) {
        EXPECT_THAT(text(width, 36), AllOf(HasSubstr("4 CPUs, "), HasSubstr("unevenness 4.0"))) << width;
    }
}

TEST_F(DevicePage, TheCpusOfACounterThatTheyShareAreNotSaidToBeIdle) {
    add(0, "veth0");  // an array for all has no numbers of single ones
    EXPECT_THAT(text(), AllOf(HasSubstr("4 CPUs, packets of each not known"), Not(HasSubstr("no packets"))));
    take(0, idle_report("veth0"));
    EXPECT_THAT(text(), HasSubstr("4 CPUs, no packets now"));
}

TEST_F(DevicePage, UnevennessIsAmongTheCpusThatAreOnline) {
    SampleReport report = report_of("veth0");
    report.cpus = {example_cpu(3, XDP_PASS, {{}, {}, {1000, 0}})};
    take(0, report);
    context_.cpus = 3;  // the second of four is offline
    EXPECT_THAT(text(),
                AllOf(HasSubstr("3 CPUs, busiest cpu 3"), HasSubstr("unevenness 3.0"), HasSubstr("0 ···▇")));
}

TEST_F(DevicePage, IsTheSameDevicesAsLongAsThatIsKnown) {
    add(1, "veth1");
    add(2, "veth2");
    add(3, "veth3");
    choice_.selected = 2;
    choice_.moved = true;
    text();
    choice_.filter = "veth3";
    EXPECT_THAT(page(120, 24)[0], HasSubstr(" veth2 "));
    EXPECT_EQ(choice_.selected, 2U);
    choice_.filter.clear();
    move(1);
    EXPECT_EQ(choice_.selected, 3U) << "the next one, although it was not listed for a while";
    move(-1);
    model_.forget(2);
    EXPECT_THAT(text(120, 24), HasSubstr("2 devices")) << "the list";
    EXPECT_FALSE(choice_.device);
}

TEST_F(DevicePage, AllListedIdleLeavesThePage) {
    take(0, idle_report("veth0"));
    choice_.selected = 0;
    choice_.moved = true;
    choice_.hide_idle = true;
    EXPECT_THAT(page(120, 24)[0], HasSubstr(" veth0 "));
}

TEST_F(DevicePage, LossesSayWhenTheTrackingBeganIfThatIsLater) {
    SampleReport report = lossy_report();
    report.delivery.complete = false;
    take(0, report);
    EXPECT_THAT(text(120, 36), AllOf(HasSubstr("lost 1,000 since 2026-01-31T12:00:00.123Z: target is down"),
                                     HasSubstr("1,003 lost  since 2026-01-31T12:00:00.123Z")));
    model_.choose_totals(Totals::kSession);
    EXPECT_THAT(text(120, 36), AllOf(HasSubstr(" 3 lost "), Not(HasSubstr("since 2026"))));
    report.delivery.session_complete = false;
    take(0, report);
    EXPECT_THAT(text(120, 36), HasSubstr(" 3 lost  since 2026-01-31T12:00:00.123Z"));
}

TEST_F(DevicePage, LossesAfterAResetSayWhenTheTrackingBeganIfThatIsLater) {
    SampleReport report = lossy_report();
    report.delivery.session_complete = false;
    const auto take_losses = [&](std::uint64_t packets) {
        report.delivery.session[XDP_REDIRECT] = Fate{0, packets, {{XDP_TALLY_LOST_NO_REASON, packets}}};
        take(0, report);
    };
    take_losses(3);
    model_.reset_totals();
    take_losses(5);
    EXPECT_THAT(text(120, 36), AllOf(HasSubstr(" 2 lost "), Not(HasSubstr("since 2026"))));
    report.delivery.since += 1'000'000'000;
    take_losses(4);
    EXPECT_THAT(text(120, 36), HasSubstr(" 4 lost  since 2026-01-31T12:00:01.123Z"));
}

TEST_F(DevicePage, LossesOfADeviceThatCameAfterTheResetAreWhole) {
    model_.reset_totals();
    take(0, lossy_report());
    EXPECT_THAT(text(120, 36), AllOf(HasSubstr(" 3 lost "), Not(HasSubstr("since 2026"))));
}

TEST_F(DevicePage, NamesOfAnyLettersAreFoldedBetweenThem) {
    add(0, "veth0");
    for (int length = 20; length < 60; ++length) {
        std::string name;
        for (int i = 0; i < length; ++i) {
            name += "ü";
        }
        context_.facts.pin = "/" + name;
        EXPECT_THAT(text(61, 36), AllOf(Not(HasSubstr("ü?")), Not(HasSubstr("?ü")), Not(HasSubstr("…"))))
            << length;
    }
}

TEST_F(DevicePage, HasRoomForManyCpus) {
    SampleReport report = report_of("veth0");
    for (unsigned cpu = 0; cpu < 128; ++cpu) {
        report.cpus.push_back(example_cpu(cpu, XDP_PASS, {{}, {}, {1, 0}}));
    }
    take(0, report);
    for (const auto& [width, height] : {std::pair{80, 24}, {120, 36}, {200, 60}}) {
        EXPECT_THAT(text(width, height), AllOf(HasSubstr("128 CPUs"), HasSubstr("unevenness 1.0"))) << width;
    }
}

TEST_F(DevicePage, MarksReplacementsOnTheTimeAxis) {
    fill_history(0, report_of("veth0"), 50);
    SampleReport report = report_of("veth0");
    report.program->generation = 2;
    report.map_id = 33;
    take(0, report);
    EXPECT_THAT(text(100, 30), AllOf(HasSubstr("▲"), HasSubstr("g2"), HasSubstr("11:59")));
}

TEST_F(DevicePage, OfAMapWithoutMeta) {
    take(0, foreign_report());
    EXPECT_THAT(text(), AllOf(HasSubstr("not known: the map has no meta"), HasSubstr("foreign")));
}

TEST_F(DevicePage, OfASourceThatIsGoneIsTheList) {
    add(0, "veth0");
    add(1, "veth1");
    choice_.selected = 1;
    model_.forget(1);
    model_.forget(0);
    EXPECT_THAT(text(), Not(HasSubstr("VERDICT")));
}

}  // namespace
}  // namespace tally::stats
