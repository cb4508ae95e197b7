// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <clocale>

#include "stats/live/canvas_line.h"
#include "stats/live/list_page.h"
#include "stats/report_for_tests.h"

namespace tally::stats {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ListPage : public testing::Test {
  protected:
    static void SetUpTestSuite() { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    static void TearDownTestSuite() { std::setlocale(LC_CTYPE, "C"); }

    ListPage() {
        context_.host = "host";
        context_.clock = "12:00:00";
        context_.interval = std::chrono::seconds(1);
        context_.now = 2;
    }

    void add(std::size_t number, const std::string& title) {
        SampleReport report = example_report();
        report.title = title;
        report.before_start = counters({{XDP_DROP, {1, 60}}});
        report.actions[XDP_DROP].lifetime = {501, 30060};
        model_.take(number, report, 2);
    }

    std::vector<std::string> page(int width = 80, int height = 24, bool unicode = true) {
        Canvas canvas(width, height, unicode);
        draw_page(canvas, model_, choice_, context_);
        std::vector<std::string> lines;
        lines.reserve(static_cast<std::size_t>(height));
        for (int y = 0; y < height; ++y) {
            lines.push_back(line_of(canvas, y));
        }
        return lines;
    }

    std::string text(int width = 80, int height = 24, bool unicode = true) {
        return fmt::format("{}\n", fmt::join(page(width, height, unicode), "\n"));
    }

    ScreenState model_{Totals::kMap};
    LiveChoice choice_;
    ViewContext context_;
};

TEST_F(ListPage, TheListHasALineForEveryDeviceAndAction) {
    add(0, "veth0");
    const auto lines = page(80, 8);
    EXPECT_THAT(lines[0], AllOf(HasSubstr("xdp_stats  map totals · host · 1 device · every 1 s"),
                                HasSubstr("5.00 pkt/s  12:00:00")));
    // 21 columns of names, then numbers of 11, 13, 9 and 9 columns with one between them. 3920 bit/s are 3.92
    // k.
    EXPECT_EQ(lines[2].substr(0, lines[2].find("3.92 k") + 6),
              "▸ veth0  attached g1          11         1,040    5.00      3.92 k");
    EXPECT_THAT(lines[3], HasSubstr("    drop                       1            60    0.00      0.00"));
    EXPECT_THAT(lines[4], HasSubstr("    pass                      10           980    5.00      3.92 k"));
    EXPECT_EQ(lines[5], "");
}

TEST_F(ListPage, ActionsThatNeverCountedAreShownOnRequest) {
    add(0, "veth0");
    EXPECT_THAT(text(), Not(HasSubstr("redirect")));
    choice_.all_actions = true;
    EXPECT_THAT(text(), AllOf(HasSubstr("aborted"), HasSubstr("redirect")));
}

TEST_F(ListPage, UnitsChange) {
    add(0, "veth0");
    choice_.units = Units::kBytes;
    EXPECT_THAT(text(), AllOf(HasSubstr("BYTE/S"), HasSubstr("490.00")));
    choice_.units = Units::kRaw;
    EXPECT_THAT(text(), AllOf(HasSubstr("1040"), HasSubstr("3920"), Not(HasSubstr("1,040"))));
}

TEST_F(ListPage, TotalsAreNamed) {
    add(0, "veth0");
    for (const bool detail : {false, true}) {
        choice_.detail = detail;
        model_.choose_totals(Totals::kMap);
        EXPECT_THAT(text(), AllOf(HasSubstr("map totals"), HasSubstr("1,040"), Not(HasSubstr("30,060"))));
        model_.choose_totals(Totals::kLifetime);
        EXPECT_THAT(text(), AllOf(HasSubstr("lifetime totals"), HasSubstr("30,060")));
        model_.choose_totals(Totals::kSession);
        EXPECT_THAT(text(), AllOf(HasSubstr("session totals"), Not(HasSubstr("1,040"))));
    }
}

TEST_F(ListPage, TotalsThatAreNotKnownAreADash) {
    model_.take(0, foreign_report(), 2);
    model_.choose_totals(Totals::kLifetime);
    EXPECT_THAT(page()[3], AllOf(HasSubstr("pass     "), HasSubstr(" -             -")));
}

TEST_F(ListPage, WhatIsNotThereYetIsWaitedFor) {
    EXPECT_THAT(text(), HasSubstr("no counter map is pinned yet; waiting"));
    SampleReport report;
    report.title = "veth9";
    model_.take(1, report, 2);
    EXPECT_THAT(text(), AllOf(HasSubstr("veth9"), HasSubstr("waiting")));
}

TEST_F(ListPage, TheSelectionStaysInSight) {
    for (std::size_t number = 0; number < 100; ++number) {
        add(number, fmt::format("veth{}", number));
    }
    move_selection(choice_, model_, 60);
    EXPECT_THAT(text(), AllOf(HasSubstr("▸ veth60"), HasSubstr("of 300")));
    move_selection(choice_, model_, 1000);
    EXPECT_THAT(text(), HasSubstr("▸ veth99"));
    move_selection(choice_, model_, -1000);
    EXPECT_THAT(text(), HasSubstr("▸ veth0"));
}

TEST_F(ListPage, TheSuccessorOfOneThatIsGoneIsSelected) {
    add(1, "a");
    add(2, "b");
    add(3, "c");
    move_selection(choice_, model_, 0);
    move_selection(choice_, model_, 1);
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

TEST_F(ListPage, TheDetailNamesTheProgram) {
    add(0, "veth0");
    choice_.detail = true;
    context_.pin = "/sys/fs/bpf/veth0/xdp_stats_map";
    EXPECT_THAT(text(),
                AllOf(HasSubstr("xdp_pass (id 57), native mode, by link, generation 1"),
                      HasSubstr("32, pinned at /sys/fs/bpf/veth0/xdp_stats_map"), HasSubstr("60 s ago"),
                      HasSubstr("  x drop"), HasSubstr("  o pass"), HasSubstr("    total")));
}

TEST_F(ListPage, TheDetailHasABarForEveryCpu) {
    SampleReport report = example_report();
    report.cpus = {example_cpu(0, XDP_PASS, {{}, {}, {1000, 0}}),
                   example_cpu(3, XDP_DROP, {{}, {}, {500, 0}})};
    model_.take(0, report, 2);
    choice_.detail = true;
    EXPECT_THAT(text(), AllOf(HasSubstr("cpu 0   █"), HasSubstr("1.00 k"), HasSubstr("cpu 3   █"),
                              HasSubstr("500.00")));
}

TEST_F(ListPage, ManyCpusAreNotAllShown) {
    SampleReport report = example_report();
    for (unsigned cpu = 0; cpu < 512; ++cpu) {
        report.cpus.push_back(example_cpu(cpu, XDP_PASS, {{}, {}, {1, 0}}));
    }
    model_.take(0, report, 2);
    choice_.detail = true;
    EXPECT_THAT(text(), HasSubstr("more CPUs"));
}

TEST_F(ListPage, NamesCannotCommandTheTerminal) {
    SampleReport report = example_report();
    report.title = "e\x1b[2J";
    report.program->name = "p\x1b]0;x\x07";
    model_.take(0, report, 2);
    context_.notice =
        "a\x1b"
        "b\nc";
    context_.pin =
        "/p\x9b"
        "1";
    context_.host = "h\x1b";
    for (const bool detail : {false, true}) {
        choice_.detail = detail;
        for (const auto& line : page()) {
            for (const char c : line) {
                EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << line;
            }
        }
    }
}

TEST_F(ListPage, WithoutUnicodeAllIsAscii) {
    add(0, "veth0");
    for (const bool detail : {false, true}) {
        for (const bool help : {false, true}) {
            choice_.detail = detail;
            choice_.help = help;
            for (const auto& line : page(80, 24, false)) {
                for (const char c : line) {
                    EXPECT_TRUE(c >= 0x20 && c < 0x7f) << line;
                }
                EXPECT_THAT(line, Not(HasSubstr("?\?"))) << "every character has a plain one to stand for it";
            }
        }
    }
}

TEST_F(ListPage, EverySizeIsDrawn) {
    SampleReport report = example_report();
    report.title = "interface0123456";
    report.cpus = {example_cpu(0, XDP_PASS, {{}, {}, {1000, 0}})};
    model_.take(0, report, 2);
    add(1, "veth0");
    for (int width = 0; width < 140; ++width) {
        for (int height = 0; height < 45; ++height) {
            for (const bool detail : {false, true}) {
                choice_.detail = detail;
                choice_.help = (width + height) % 2 == 0;
                context_.strokes = width % 2 == 0 ? Strokes::kBraille : Strokes::kSymbols;
                page(width, height);
            }
        }
    }
    choice_ = {};
    EXPECT_THAT(page(39, 24)[0], HasSubstr("terminal too small"));
    EXPECT_THAT(page(40, 7)[0], HasSubstr("terminal too small"));
    EXPECT_THAT(page(40, 8)[0], HasSubstr("xdp_stats"));
}

TEST_F(ListPage, NumbersOfAnySizeStayInTheirColumns) {
    SampleReport report = example_report();
    report.actions[XDP_DROP] = {};
    report.actions[XDP_PASS].count = {kMost, kMost};
    report.actions[XDP_PASS].rate = {148.8e6, 1e12};
    model_.take(0, report, 2);
    for (const Units units : {Units::kPacketsAndBits, Units::kBytes, Units::kRaw}) {
        choice_.units = units;
        // 2^64 is 18.45 E.
        EXPECT_THAT(page(80, 8)[3], AllOf(HasSubstr("pass"), HasSubstr(" 18.45 E")));
    }
}

TEST_F(ListPage, APauseAndAResetAreSaid) {
    add(0, "veth0");
    choice_.paused = true;
    model_.reset_totals();
    EXPECT_THAT(page()[0], AllOf(HasSubstr("PAUSED"), HasSubstr("since reset")));
    choice_.detail = true;
    EXPECT_THAT(page()[0], AllOf(HasSubstr("PAUSED"), HasSubstr("since reset")));
}

}  // namespace
}  // namespace tally::stats
