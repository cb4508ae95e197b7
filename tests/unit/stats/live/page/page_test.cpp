// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/page.h"

#include "stats/live/page/page_for_tests.h"

namespace tally::stats {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class PageOfAnyKind : public PageTest {};

TEST_F(PageOfAnyKind, NamesCannotCommandTheTerminal) {
    SampleReport report = report_of("e\x1b[2J");
    report.program->name = "p\x1b]0;x\x07";
    report.netns = "n\x1b";
    take(0, report);
    context_.notice =
        "a\x1b"
        "b\nc";
    context_.facts.pin =
        "/p\x9b"
        "1";
    context_.facts.pins = {"q\x1b"};
    context_.facts.command = "xdp_stats --dev 'e\x1b'";
    context_.host = "h\x1b";
    choice_.filter = "\x1b";
    choice_.filter.clear();
    for (const bool device : {false, true}) {
        for (const bool command : {false, true}) {
            choice_.device = device;
            choice_.command = command;
            for (const auto& line : page()) {
                for (const char c : line) {
                    EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << line;
                }
            }
        }
    }
}

TEST_F(PageOfAnyKind, WithoutUnicodeAllIsAscii) {
    SampleReport report = report_of("veth0");
    report.cpus = {example_cpu(0, XDP_PASS, {{}, {}, {1000, 0}})};
    fill_history(0, report, 100);
    choice_.open = {0};
    for (const bool device : {false, true}) {
        for (const bool help : {false, true}) {
            choice_.device = device;
            choice_.help = help;
            for (const auto& line : page(120, 36, kPlainLook)) {
                for (const char c : line) {
                    EXPECT_TRUE(c >= 0x20 && c < 0x7f) << line;
                }
                EXPECT_THAT(line, Not(HasSubstr("?\?"))) << "every character has a plain one to stand for it";
            }
        }
    }
}

TEST_F(PageOfAnyKind, EverySizeIsDrawn) {
    SampleReport report = report_of("interface0123456");
    report.cpus = {example_cpu(0, XDP_PASS, {{}, {}, {1000, 0}})};
    fill_history(0, report, 10);
    add(1, "veth0");
    context_.facts.command = "xdp_stats --dev interface0123456 --count 1";
    for (int width = 0; width < 210; width += width < 60 ? 1 : 7) {
        for (int height = 0; height < 64; ++height) {
            for (const bool device : {false, true}) {
                choice_.device = device;
                choice_.help = (width + height) % 2 == 0;
                choice_.command = (width + height) % 3 == 0;
                choice_.open = width % 2 == 0 ? std::set<std::size_t>{0} : std::set<std::size_t>{};
                page(width, height, width % 2 == 0 ? Look{} : kPlainLook);
            }
        }
    }
    choice_ = {};
    EXPECT_THAT(page(39, 24)[0], HasSubstr("terminal too small, 40x8 is needed"));
    EXPECT_THAT(page(40, 7)[0], HasSubstr("terminal too small"));
    EXPECT_THAT(page(40, 8)[0], HasSubstr("map totals"));
}

TEST_F(PageOfAnyKind, NumbersOfAnySizeStayInTheirColumns) {
    SampleReport report = report_of("veth0");
    report.actions[XDP_DROP] = {};
    report.actions[XDP_PASS].count = {kMost, kMost};
    report.actions[XDP_PASS].rate = {148.8e6, 1e12};
    take(0, report);
    choice_.device = true;
    for (const Units units : {Units::kPacketsAndBits, Units::kBytes, Units::kRaw}) {
        choice_.units = units;
        // 2^64 is 18.45 E.
        EXPECT_THAT(text(80, 24), AllOf(HasSubstr("P pass"), HasSubstr(" 18.45 E")));
    }
}

TEST_F(PageOfAnyKind, APauseAndAResetAreSaid) {
    add(0, "veth0");
    choice_.paused = true;
    model_.reset_totals();
    EXPECT_THAT(page(100, 24)[0], AllOf(HasSubstr("PAUSED"), HasSubstr("since reset")));
    choice_.device = true;
    EXPECT_THAT(page(140, 24)[0], AllOf(HasSubstr("PAUSED"), HasSubstr("since reset")));
}

TEST_F(PageOfAnyKind, TotalsAreNamed) {
    add(0, "veth0");
    choice_.open = {0};
    for (const bool device : {false, true}) {
        choice_.device = device;
        model_.choose_totals(Totals::kMap);
        EXPECT_THAT(text(120, 36),
                    AllOf(HasSubstr("map totals"), HasSubstr("980"), Not(HasSubstr("30,060"))));
        model_.choose_totals(Totals::kLifetime);
        EXPECT_THAT(text(120, 36), AllOf(HasSubstr("lifetime totals"), HasSubstr("30,060")));
        model_.choose_totals(Totals::kSession);
        EXPECT_THAT(text(120, 36), AllOf(HasSubstr("session totals"), Not(HasSubstr("30,060"))));
    }
}

TEST_F(PageOfAnyKind, TotalsThatAreNotKnownAreADash) {
    take(0, foreign_report());
    model_.choose_totals(Totals::kLifetime);
    choice_.open = {0};
    EXPECT_THAT(page(120, 15)[3], HasSubstr("P pass     - packets, - bytes"));
    choice_.device = true;
    EXPECT_THAT(text(120, 36), testing::ContainsRegex("P pass +- +-"));
}

TEST_F(PageOfAnyKind, TheCursorHasTheSumOfItsMoment) {
    SampleReport report = report_of("veth0");
    report.actions[XDP_PASS].rate.pps = 900;
    report.total.rate.pps = 900;
    fill_history(0, report, 50);
    report.actions[XDP_PASS].rate.pps = 5;
    report.total.rate.pps = 5;
    model_.take(0, report, context_.now + 2);
    choice_.paused = true;
    choice_.cursor = context_.now - 20;
    for (const bool device : {false, true}) {
        choice_.device = device;
        EXPECT_THAT(page(140, 36)[0], HasSubstr(" 900.00 pkt/s"));
    }
}

TEST_F(PageOfAnyKind, ACommandIsShownWhole) {
    add(0, "veth0");
    choice_.command = true;
    context_.facts.command = "xdp_stats --bpffs /mnt/bpf --netns red --dev veth0 --count 1";
    EXPECT_THAT(text(80, 24), HasSubstr(context_.facts.command));
    // On a narrow terminal it is folded without blanks in between.
    const auto lines = page(40, 24);
    std::string folded;
    for (const auto& line : lines) {
        if (const auto begin = line.find("│ xdp_stats --b"); begin != std::string::npos || !folded.empty()) {
            const std::string part = line.substr(line.find("│ ") + 4);
            if (part.rfind(" │") == std::string::npos) {
                break;
            }
            folded += part.substr(0, part.rfind(" │"));
        }
    }
    EXPECT_THAT(folded, HasSubstr("xdp_stats --bpffs /mnt/bpf --netns red --dev veth0"));
}

TEST_F(PageOfAnyKind, HelpNamesEveryKey) {
    choice_.help = true;
    EXPECT_THAT(text(80, 30), AllOf(HasSubstr("Enter, click"), HasSubstr("Space, p"), HasSubstr("Ctrl-L"),
                                    HasSubstr("A aborted"), HasSubstr("R redirect")));
}

TEST_F(PageOfAnyKind, TheWindowGrowsToFiveMinutesByItself) {
    add(0, "veth0");
    EXPECT_EQ(kWindows.at(window_of(model_, choice_, context_.now)), 60);
    EXPECT_EQ(kWindows.at(window_of(model_, choice_, context_.now + 100)), 120);
    EXPECT_EQ(kWindows.at(window_of(model_, choice_, context_.now + 200)), 300);
    EXPECT_EQ(kWindows.at(window_of(model_, choice_, context_.now + 4000)), 300);
    choice_.window = 5;
    EXPECT_EQ(kWindows.at(window_of(model_, choice_, context_.now)), 3600);
}

}  // namespace
}  // namespace tally::stats
