// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/page.h"
#include "stats/live/page/page_for_tests.h"

namespace tally::stats {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class OverviewPage : public PageTest {};

TEST_F(OverviewPage, TheTitleSaysWhatMattersNow) {
    add(0, "veth0");
    SampleReport report = report_of("veth1");
    report.state = AttachState::kDetached;
    take(1, report);
    // 2 x 5 packets/s, none of them dropped.
    EXPECT_THAT(page(120, 36)[0],
                AllOf(HasSubstr("xdp_stats   ! 1 DETACHED   map totals  2 devices  host  every 1 s"),
                      HasSubstr("10.00 pkt/s  7.84 kbit/s  drop 0.0 %  12:00:00")));
    EXPECT_THAT(page(60, 15)[0],
                AllOf(HasSubstr("! 1 DETACHED"), HasSubstr("10.00 pkt/s"), HasSubstr("12:00:00")));
}

TEST_F(OverviewPage, ADeviceHasALine) {
    SampleReport report = report_of("veth0");
    report.actions[XDP_DROP].rate.pps = 15;
    report.total.rate = {20, 3920};
    take(0, report);
    const auto lines = page(120, 15);
    EXPECT_THAT(lines[1], AllOf(HasSubstr("DEVICE"), HasSubstr("PKT/S"), HasSubstr("DROP"),
                                HasSubstr("last 60 s, 0 to 20 pkt/s")));
    EXPECT_THAT(lines[2], AllOf(HasSubstr("▸ veth0"), HasSubstr("attached g1"), HasSubstr("xdp_pass"),
                                HasSubstr("native"), HasSubstr(" 11 "), HasSubstr("20.00"),
                                HasSubstr("3.92 k"), HasSubstr("75.0 %"), HasSubstr("▇")));
    EXPECT_THAT(lines[3], MatchesRegex("│ +│"));
}

TEST_F(OverviewPage, ADeviceOpensIntoItsVerdicts) {
    add(0, "veth0");
    EXPECT_THAT(text(80, 15), Not(HasSubstr("packets,")));
    choice_.open = {0};
    const auto lines = page(80, 15);
    EXPECT_THAT(lines[3], AllOf(HasSubstr("D drop"), HasSubstr("1 packet, 60 bytes"), HasSubstr("0.00")));
    EXPECT_THAT(lines[4], AllOf(HasSubstr("P pass"), HasSubstr("10 packets, 980 bytes"), HasSubstr("5.00")));
    EXPECT_THAT(text(80, 15), Not(HasSubstr("redirect")));
    choice_.all_actions = true;
    EXPECT_THAT(text(80, 15), AllOf(HasSubstr("A aborted"), HasSubstr("R redirect")));
}

TEST_F(OverviewPage, TroubleIsSeenFirst) {
    for (std::size_t number = 0; number < 17; ++number) {
        add(number, fmt::format("veth{}", number));
    }
    SampleReport report = report_of("zeta");
    report.state = AttachState::kDetached;
    take(17, report);
    report = report_of("yota");
    report.state = AttachState::kStale;
    take(18, report);
    report = report_of("xi");
    report.actions[XDP_ABORTED].rate.pps = 2;
    take(19, report);
    const auto lines = page(120, 36);
    EXPECT_THAT(lines[0], HasSubstr("! 1 DETACHED, 1 STALE, 1 ABORTED"));
    EXPECT_THAT(page(60, 15)[0], HasSubstr("! 3 in trouble"));
    EXPECT_THAT(lines[2], AllOf(HasSubstr("!zeta"), HasSubstr("DETACHED g1")));
    EXPECT_THAT(lines[3], AllOf(HasSubstr("!yota"), HasSubstr("STALE g1")));
    EXPECT_THAT(lines[4], AllOf(HasSubstr("!xi"), HasSubstr("ABORTED g1")));
    Canvas canvas(120, 36, {});
    draw(canvas);
    const auto badge = lines[2].find("DETACHED");
    ASSERT_NE(badge, std::string::npos);
    EXPECT_EQ(canvas.at(static_cast<int>(badge) - 4, 2).style.ink, Ink::kAlarm);
}

TEST_F(OverviewPage, ANameIsNeverCutWhileAnotherColumnHasRoom) {
    SampleReport report = report_of("a-rather-long-namespace/interface012345");
    report.device = "interface012345";
    report.netns = "a-rather-long-namespace";
    take(0, report);
    for (int width = 60; width < 200; ++width) {
        EXPECT_THAT(text(width, 15), HasSubstr("interface012345")) << width;
        EXPECT_THAT(text(width, 15), HasSubstr("a-rather-long-namespace")) << width;
    }
    EXPECT_THAT(page(120, 15)[1], HasSubstr("NETNS"));
}

TEST_F(OverviewPage, LostAndCostHaveColumnsWhereTheyAreTracked) {
    add(0, "veth0");
    EXPECT_THAT(page(140, 15)[1], AllOf(Not(HasSubstr("LOST/S")), Not(HasSubstr("NS/PKT"))));
    ScreenSource source = *model_.find(0);
    source.report.delivery.tracked = true;
    source.report.delivery.lost_pps = 1500;
    source.report.cost = costly_report().cost;
    SourceList list;
    list.order = {{&source, Trouble::kLost}};
    Canvas canvas(140, 15, {});
    context_.window = 60;
    DrawnPage drawn;
    drawn.source_at.resize(15);
    draw_overview(canvas, model_, list, choice_, context_, drawn);
    EXPECT_THAT(line_of(canvas, 1), AllOf(HasSubstr("LOST/S"), HasSubstr("NS/PKT")));
    EXPECT_THAT(line_of(canvas, 2), AllOf(HasSubstr("LOST g1"), HasSubstr("1.50 k"), HasSubstr(" 23 ")));
}

TEST_F(OverviewPage, LossesThatAreNotKnownAreNotNone) {
    SampleReport report = report_of("veth0");
    report.actions[XDP_REDIRECT].count = {7, 420};
    report.delivery.tracked = true;
    report.delivery.count[XDP_ABORTED] = Fate();  // all that generic mode tells
    report.delivery.unknown[XDP_REDIRECT] = "in generic mode the kernel does not tell";
    take(0, report);
    const auto lines = page(160, 15);
    EXPECT_THAT(lines[1], AllOf(HasSubstr(" LOST "), HasSubstr("LOST/S")));
    EXPECT_THAT(lines[2], AllOf(Not(HasSubstr(" 0 ")), Not(HasSubstr(" 0.00 "))));
    report.delivery.count[XDP_REDIRECT] = Fate{0, 7, {{ENETDOWN, 7}}};
    take(0, report);
    EXPECT_THAT(page(160, 15)[2], HasSubstr(" 7 ")) << "so many were lost, whatever became of others";
}

TEST_F(OverviewPage, ACurveAndItsOwnScaleComeTogether) {
    add(0, "veth-0");
    choice_.own_scale = true;
    for (int width = 40; width < 160; ++width) {
        const std::string titles = page(width, 15)[1];
        EXPECT_EQ(titles.find("UP TO") != std::string::npos, titles.find(" own") != std::string::npos)
            << titles;
    }
}

TEST_F(OverviewPage, LostPacketsAreSeenAfterwards) {
    add(0, "veth0");
    add(1, "veth1");
    take(2, report_of("veth2"));
    SampleReport report = lossy_report();
    report.title = "zeta";
    report.device = "zeta";
    take(3, report);
    context_.now += 9;
    EXPECT_THAT(page(100, 24)[0], HasSubstr("! 1 LOST "));
    EXPECT_THAT(page(100, 24)[2], AllOf(HasSubstr("!zeta"), HasSubstr("LOST g1"), HasSubstr(" 1,003 ")));
    // Later, and in a view that is opened later.
    context_.now += 60;
    EXPECT_THAT(page(100, 24)[0], AllOf(HasSubstr("  1 with losses "), Not(HasSubstr("!"))));
    EXPECT_THAT(page(100, 24)[2], AllOf(HasSubstr("!zeta"), HasSubstr("attached g1"), HasSubstr(" 1,003 ")));
    EXPECT_THAT(text(100, 24), HasSubstr("├─ zeta  attached g1  1,003 lost  "));
    EXPECT_THAT(text(60, 15), AllOf(HasSubstr("1 with losses"), HasSubstr("!zeta")));
    Canvas canvas(100, 24, {});
    draw(canvas);
    EXPECT_EQ(canvas.at(2, 2).style, kBold) << "less loud than trouble";
    model_.reset_totals();
    EXPECT_THAT(page(100, 24)[2], AllOf(HasSubstr(" veth0 "), Not(HasSubstr("!"))));
    EXPECT_THAT(text(100, 24), Not(HasSubstr("losses")));
}

TEST_F(OverviewPage, LostAndCostComeBeforeProgramAndBits) {
    add(0, "veth0");
    SampleReport report = lossy_report();
    report.cost = costly_report().cost;
    take(1, report);
    for (const int width : {80, 90, 100, 120, 160}) {
        EXPECT_THAT(page(width, 15)[1], AllOf(HasSubstr(" LOST "), HasSubstr("NS/PKT"))) << width;
    }
    EXPECT_THAT(page(80, 15)[1], AllOf(Not(HasSubstr("PROGRAM")), HasSubstr("60 s, to 5")));
    for (std::size_t number = 2; number < 40; ++number) {
        add(number, fmt::format("veth{}", number));
    }
    EXPECT_THAT(page(160, 36)[1], AllOf(HasSubstr(" LOST "), HasSubstr("NS/PKT"), HasSubstr("│ veth0")))
        << "the plot is beside the list";
}

TEST_F(OverviewPage, ADeviceThatIsDownIsSaidToBe) {
    SampleReport report = report_of("veth0");
    report.link = "up";
    take(0, report);
    EXPECT_THAT(page(80, 15)[2], AllOf(HasSubstr("attached g1"), Not(HasSubstr("up"))));
    report.link = "down";
    take(0, report);
    EXPECT_THAT(page(80, 15)[2], HasSubstr("attached g1, down"));
    report.link = "no carrier";
    take(0, report);
    EXPECT_THAT(page(80, 15)[2], HasSubstr("attached g1, no carrier"));
    EXPECT_THAT(page(80, 15)[0], Not(HasSubstr("!"))) << "that may be as it is meant";
}

TEST_F(OverviewPage, ThatPinsAreGoneIsSaidWithTheLastCount) {
    SampleReport report = report_of("veth0");
    report.readable = false;
    report.unpinned = true;
    take(0, report);
    EXPECT_THAT(page(120, 15)[2], AllOf(HasSubstr("pins gone"), HasSubstr(" 11 ")));
    EXPECT_THAT(text(80, 24), HasSubstr("├─ veth0  pins gone  last counted 11  "));
}

TEST_F(OverviewPage, CurvesHaveOneScaleOrEachItsOwn) {
    add(0, "veth0");
    SampleReport report = report_of("veth1");
    report.actions[XDP_PASS].rate.pps = 900;
    report.total.rate.pps = 900;
    take(1, report);
    EXPECT_THAT(page(120, 15)[1], HasSubstr("0 to 1 k pkt/s"));
    EXPECT_THAT(page(120, 15)[2], HasSubstr("▁")) << "5 of 1000";
    choice_.own_scale = true;
    const auto lines = page(120, 15);
    EXPECT_THAT(lines[1], AllOf(HasSubstr("UP TO"), HasSubstr("each its own")));
    EXPECT_THAT(lines[2], AllOf(HasSubstr(" 5 "), HasSubstr("▇")));
    EXPECT_THAT(lines[3], HasSubstr(" 1 k "));
}

TEST_F(OverviewPage, ThePlotFollowsTheSelection) {
    add(0, "veth0");
    add(1, "veth1");
    EXPECT_THAT(text(80, 24), HasSubstr("├─ veth0  attached g1  xdp_pass, native mode, by link"));
    move(1);
    EXPECT_THAT(text(80, 24), HasSubstr("├─ veth1  attached g1"));
    EXPECT_THAT(text(80, 23), Not(HasSubstr("├─"))) << "there is no room for a plot";
    EXPECT_THAT(text(160, 36), AllOf(HasSubstr("├─ veth1  attached g1"), HasSubstr("VERDICT")))
        << "with everything about it below the plot";
    for (std::size_t number = 2; number < 30; ++number) {
        add(number, fmt::format("veth{}", number));
    }
    EXPECT_THAT(text(160, 36), AllOf(HasSubstr("┬─"), HasSubstr("VERDICT"), HasSubstr("4 CPUs")))
        << "beside the list, which needs the whole height";
}

TEST_F(OverviewPage, FewRowsAreEmptyWithThreeDevices) {
    for (std::size_t number = 0; number < 3; ++number) {
        fill_history(number, report_of(fmt::format("veth{}", number)), 300);
    }
    const auto lines = page(120, 36);
    const auto empty = std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
        return line.find_first_not_of(" \xe2\x94\x82") == std::string::npos;  // the frame's sides
    });
    EXPECT_LE(empty, 36 / 5);
}

TEST_F(OverviewPage, NoQuarterOfALargeScreenIsEmpty) {
    std::size_t number = 0;
    for (const std::size_t devices : {1, 3, 20, 36, 37, 40, 50, 100}) {
        for (; number < devices; ++number) {
            fill_history(number, report_of(fmt::format("veth{}", number)), 300);
        }
        context_.facts.pins = {"xdp_stats_map"};
        Canvas canvas(200, 60, {});
        draw(canvas);
        for (const int begin : {1, 110}) {  // the list and the plot may be beside each other there
            int empty = 0;
            for (int y = 1; y < 58; ++y) {
                bool blank = true;
                for (int x = begin; x < begin + 88; ++x) {
                    const char32_t symbol = canvas.at(x, y).symbol;
                    blank = blank && (symbol == U' ' || symbol == U'│');
                }
                empty += blank ? 1 : 0;
            }
            EXPECT_LE(empty, 60 / 5) << devices << " devices, from column " << begin;
        }
        EXPECT_THAT(text(200, 60), AllOf(HasSubstr("VERDICT"), HasSubstr("4 CPUs"), HasSubstr("pins ")))
            << devices;
    }
}

TEST_F(OverviewPage, BelowTheLegendIsWhatIsKnownOfTheDevice) {
    fill_history(0, report_of("veth0"), 300);
    context_.facts.pin = "/sys/fs/bpf/veth0/xdp_stats_map";
    context_.facts.driver = "native, redirect, redirect target";
    EXPECT_THAT(text(120, 36), AllOf(HasSubstr("map      32, "), HasSubstr(" /sys/fs/bpf/veth0/ "),
                                     HasSubstr(" xdp_stats_map "), HasSubstr("driver: native,"),
                                     HasSubstr(" redirect target ")));
    EXPECT_THAT(text(120, 24), Not(HasSubstr("pinned at"))) << "it would be cut";
}

TEST_F(OverviewPage, AListThatFitsIsNotScrolled) {
    for (std::size_t number = 0; number < 20; ++number) {
        add(number, fmt::format("veth{}", number));
    }
    EXPECT_THAT(text(120, 36), AllOf(HasSubstr(" veth19 "), HasSubstr("┤"), Not(HasSubstr("of 20"))));
}

TEST_F(OverviewPage, KeysAreWhereTheyCanBeClicked) {
    add(0, "veth0");
    Canvas canvas(200, 24, {});
    draw(canvas);
    std::string keys;
    for (const KeyButton& button : drawn_.keys) {
        EXPECT_EQ(static_cast<char32_t>(button.key[0]), canvas.at(button.begin, 23).symbol);
        EXPECT_NE(canvas.at(button.end - 1, 23).symbol, U' ') << button.key;
        keys += button.key + ' ';
    }
    EXPECT_EQ(keys, "q Enter o s Space ? / i c [ ] y u t r + - ");
}

TEST_F(OverviewPage, TheOrderIsSeenInTheTitles) {
    add(0, "veth0");
    for (const auto& [sort, title] :
         {std::pair{Sort::kName, "DEVICE"}, {Sort::kDrops, "DROP"}, {Sort::kPackets, "PKT/S"}}) {
        choice_.sort = sort;
        Canvas canvas(120, 24, {});
        draw(canvas);
        std::string bold;
        for (int x = 1; x < 119; ++x) {
            bold += canvas.at(x, 1).style.bold ? static_cast<char>(canvas.at(x, 1).symbol) : '\0';
        }
        std::erase(bold, '\0');
        EXPECT_EQ(bold, title);
    }
}

TEST_F(OverviewPage, CurvesNeverTouch) {
    for (std::size_t number = 0; number < 20; ++number) {
        fill_history(number, report_of(fmt::format("veth{}", number)), 300);
    }
    for (const int height : {15, 24, 36, 60}) {
        Canvas canvas(120, height, {});
        draw(canvas);
        for (int y = 2; y < height - 3 && canvas.at(2, y).symbol != U' '; ++y) {
            for (int x = 100; x < 118; ++x) {
                EXPECT_NE(canvas.at(x, y).symbol, U'█') << x << ' ' << y;
            }
        }
    }
}

TEST_F(OverviewPage, WhatIsNotThereYetIsWaitedFor) {
    EXPECT_THAT(text(), HasSubstr("no counter map is pinned yet; waiting"));
    SampleReport report;
    report.title = "veth9";
    take(1, report);
    EXPECT_THAT(text(), AllOf(HasSubstr("veth9"), HasSubstr("waiting")));
}

TEST_F(OverviewPage, TheFilterIsShownAsItIsTyped) {
    add(0, "veth0");
    add(1, "eth1");
    choice_.typing = true;
    choice_.filter = "vet";
    EXPECT_THAT(page()[0], HasSubstr("/vet_"));
    EXPECT_THAT(text(), AllOf(HasSubstr("veth0"), Not(HasSubstr(" eth1")), HasSubstr("keep the filter")));
    choice_.filter = "zz";
    EXPECT_THAT(text(), HasSubstr("no device is shown"));
}

TEST_F(OverviewPage, TheSelectionStaysInSight) {
    for (std::size_t number = 0; number < 100; ++number) {
        add(number, fmt::format("veth{}", number));
    }
    move(60);
    EXPECT_THAT(text(), AllOf(HasSubstr("▸ veth60"), HasSubstr("of 100")));
    move(1000);
    EXPECT_THAT(text(), HasSubstr("▸ veth99"));
    move(-1000);
    EXPECT_THAT(text(), HasSubstr("▸ veth0"));
}

TEST_F(OverviewPage, UntilItIsMovedTheSelectionIsWhatIsAtTheTop) {
    add(0, "veth0");
    add(1, "veth1");
    text();
    EXPECT_EQ(choice_.selected, 0U);
    SampleReport report = report_of("veth1");
    report.state = AttachState::kStale;
    take(1, report);
    text();
    EXPECT_EQ(choice_.selected, 1U);
    move(1);
    EXPECT_EQ(choice_.selected, 0U);
    report.state = AttachState::kAttached;
    take(1, report);
    text();
    EXPECT_EQ(choice_.selected, 0U);
}

TEST_F(OverviewPage, TheSuccessorOfOneThatIsGoneIsSelected) {
    add(1, "a");
    add(2, "b");
    add(3, "c");
    move(1);
    EXPECT_EQ(choice_.selected, 2U);
    model_.forget(2);
    text();
    EXPECT_EQ(choice_.selected, 3U);
    model_.forget(3);
    text();
    EXPECT_EQ(choice_.selected, 1U);
    model_.forget(1);
    text();
    EXPECT_FALSE(choice_.selected);
}

TEST_F(OverviewPage, UnitsChange) {
    add(0, "veth0");
    choice_.units = Units::kBytes;
    EXPECT_THAT(text(), AllOf(HasSubstr("BYTE/S"), HasSubstr("490.00")));
    choice_.units = Units::kRaw;
    choice_.open = {0};
    EXPECT_THAT(text(100, 24), AllOf(HasSubstr("3920"), Not(HasSubstr("3.92 k "))));
}

TEST_F(OverviewPage, TheNumbersAtTheCursorAreThoseOfThatMoment) {
    SampleReport report = report_of("veth0");
    report.actions[XDP_PASS].rate.pps = 700;
    report.total.rate.pps = 700;
    fill_history(0, report, 50);
    take(0, report_of("veth0"));
    EXPECT_THAT(page(120, 15)[2], HasSubstr(" 5.00"));
    choice_.paused = true;
    choice_.cursor = context_.now - 30;
    EXPECT_THAT(page(120, 15)[2], HasSubstr("700.00"));
    EXPECT_THAT(page(120, 15)[0], AllOf(HasSubstr("PAUSED"), HasSubstr("11:59:30")));
}

TEST_F(OverviewPage, AThousandDevicesAreListed) {
    for (std::size_t number = 0; number < 1000; ++number) {
        add(number, fmt::format("veth{}", number));
    }
    for (const auto& [width, height] : {std::pair{60, 15}, {80, 24}, {120, 36}, {200, 60}}) {
        EXPECT_THAT(text(width, height), AllOf(HasSubstr("▸ veth0"), HasSubstr("of 1000"))) << width;
    }
}

}  // namespace
}  // namespace tally::stats
