// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/page.h"

#include <algorithm>
#include <regex>
#include <set>

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
    context_.facts.options = "--dev 'e\x1b'";
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
    context_.facts.options = "--dev interface0123456";
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

// The plot's upright axis stands on the other one.
bool has_plot(const std::vector<std::string>& lines) {
    return std::any_of(lines.begin(), lines.end(),
                       [](const std::string& line) { return line.find("└") != std::string::npos; });
}

TEST_F(PageOfAnyKind, ThereIsAPlotFrom24LinesOnWhateverIsListed) {
    for (std::size_t devices = 1; devices <= 40; ++devices) {
        add(devices, fmt::format("veth{}", devices));
        choice_.open = devices % 3 == 0 ? std::set<std::size_t>{devices} : std::set<std::size_t>{};
        for (const int width : {40, 83, 84, 159, 160, 200}) {
            for (int height = 24; height <= 40; ++height) {
                EXPECT_TRUE(has_plot(page(width, height)))
                    << devices << " devices, " << width << 'x' << height;
            }
        }
    }
}

TEST_F(PageOfAnyKind, ADevicesPageNamesTheDeviceAtAnyWidth) {
    const std::string longest = "a-rather-long-namespace/interface012345";
    const std::string path = "/sys/fs/bpf/" + std::string(118, 'p');
    for (const std::string& name : {std::string("v"), std::string("blue/enp1s0f0"), longest, path}) {
        SampleReport report = report_of(name);
        report.state = name == longest ? AttachState::kDetached : AttachState::kAttached;
        report.total.rate = {123456, 1e12};
        report.actions[XDP_PASS].rate = report.total.rate;
        fill_history(0, report, 10);
        for (int width = 40; width <= 200; ++width) {
            for (int step = 0; step < 3; ++step) {
                choice_.device = true;
                choice_.paused = step > 0;
                choice_.cursor = step > 1 ? std::optional(context_.now - 3) : std::nullopt;
                const std::string title = page(width, 8)[0];
                const bool fits = static_cast<int>(name.size()) + 18 <= width;
                EXPECT_THAT(title, HasSubstr(' ' + (fits ? name + ' ' : name.substr(0, 18)))) << width;
                EXPECT_EQ(title.find("PAUSED") != std::string::npos, choice_.paused) << title;
            }
        }
    }
}

// Of a source that is not readable, and of a moment in the past, only what was kept is known.
TEST_F(PageOfAnyKind, WhatIsKnownOfTheLatestSampleIsShownOfNothingElse) {
    SampleReport report = lossy_report();
    for (int second = 60; second > 0; --second) {
        model_.take(0, report, context_.now - second);
    }
    report.actions[XDP_PASS].rate = {777, 777e3};
    report.total.rate = report.actions[XDP_PASS].rate;
    report.cpus = {example_cpu(2, XDP_PASS, {{}, {}, {777, 0}})};
    report.cost = costly_report().cost;
    report.cost->ns_per_run = 777;
    report.cost->cpu = 0.777;
    report.delivery.lost_pps = 777;
    take(0, report);
    EXPECT_THAT(text(240, 40), HasSubstr("777.00"));
    for (const bool readable : {false, true}) {
        report.readable = readable;
        report.unpinned = !readable;
        take(0, report);
        choice_.paused = readable;
        choice_.cursor = readable ? std::optional(context_.now - 30) : std::nullopt;
        for (const bool device : {false, true}) {
            choice_.device = device;
            for (const auto& [width, height] : {std::pair{60, 15}, {80, 24}, {120, 36}, {240, 40}}) {
                EXPECT_THAT(text(width, height),
                            AllOf(Not(HasSubstr("777")), Not(HasSubstr("no packets now"))))
                    << width << (device ? ", device" : "") << (readable ? ", at the cursor" : ", pins gone");
            }
        }
    }
}

TEST_F(PageOfAnyKind, TheProgramOfPinsThatAreGoneIsTheLast) {
    SampleReport report = report_of("veth0");
    report.readable = false;
    report.unpinned = true;
    take(0, report);
    EXPECT_THAT(text(120, 24), HasSubstr("last: xdp_pass, native mode"));
    choice_.device = true;
    EXPECT_THAT(text(160, 36), AllOf(HasSubstr("last attached: xdp_pass"), HasSubstr("last: xdp_pass")));
    EXPECT_THAT(page(160, 36)[0], Not(HasSubstr("pkt/s")));
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

// As wide as the narrowest of the columns that are drawn, or not: a page has one moment.
TEST_F(PageOfAnyKind, AllRatesAtTheCursorAreOfTheSameSeconds) {
    SampleReport report = example_report();
    report.period = 1;
    for (int second = 300; second >= 0; --second) {
        report.actions[XDP_PASS].rate = {100.0 + second, 0};
        report.total.rate = report.actions[XDP_PASS].rate;
        model_.take(0, report, context_.now - second);
    }
    choice_.paused = true;
    choice_.cursor = context_.now - 100;
    for (const bool device : {false, true}) {
        choice_.device = device;
        for (const auto& [width, height] : {std::pair{60, 15}, {80, 12}, {80, 24}, {100, 30}, {170, 40}}) {
            const std::string shown = text(width, height);
            const std::regex rate("[1-9][0-9]*\\.[0-9][0-9] ");
            std::set<std::string> rates;
            for (auto found = std::sregex_iterator(shown.begin(), shown.end(), rate);
                 found != std::sregex_iterator(); ++found) {
                rates.insert(found->str());
            }
            EXPECT_THAT(rates, testing::SizeIs(1)) << shown;
        }
    }
}

TEST_F(PageOfAnyKind, ACommandIsShownWhole) {
    add(0, "veth0");
    choice_.command = true;
    context_.facts.options = "--bpffs /mnt/bpf --netns red --dev veth0";
    EXPECT_THAT(text(80, 24), HasSubstr("xdp_stats --bpffs /mnt/bpf --netns red --dev veth0 --count 1"));
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

// What stands in the lines of a box as wide as the page, without blanks: half of a wide character would be
// one.
std::string boxed(const std::vector<std::string>& lines) {
    std::string all;
    for (const auto& line : lines) {
        if (line.starts_with("│ ") && line.ends_with(" │")) {
            all += line.substr(4, line.size() - 8);
        }
    }
    std::erase(all, ' ');
    return all;
}

TEST_F(PageOfAnyKind, AFoldedCommandOfAnyLettersIsWhole) {
    add(0, "veth0");
    choice_.command = true;
    for (const auto& [name, columns] :
         {std::pair{std::string("köln"), 4}, {"中中中中中中中中中中", 20}, {"ü中ü中ü中ü", 10}}) {
        context_.facts.options = fmt::format("--netns {} --dev {}", name, name);
        for (int width = 40; width <= 35 + 2 * columns + 3; ++width) {
            EXPECT_THAT(boxed(page(width, 8)),
                        HasSubstr(fmt::format("xdp_stats--netns{}--dev{}--count1", name, name)))
                << width;
        }
    }
}

// Nothing else counts from where this session, or a reset, began.
TEST_F(PageOfAnyKind, ACommandIsOfTotalsThatItCanKnow) {
    take(0, costly_report());
    choice_.command = true;
    context_.facts.options = "--dev veth0";
    const std::string map = "xdp_stats --dev veth0 --cost --count 1";
    EXPECT_THAT(text(), AllOf(HasSubstr(map), HasSubstr("prints the numbers ")));
    model_.reset_totals();
    EXPECT_THAT(text(), AllOf(HasSubstr(map), HasSubstr("prints the numbers, with map totals ")));
    model_.choose_totals(Totals::kSession);
    EXPECT_THAT(text(), AllOf(HasSubstr(map), HasSubstr("prints the numbers, with map totals ")));
    model_.choose_totals(Totals::kLifetime);
    EXPECT_THAT(text(), HasSubstr("xdp_stats --dev veth0 --totals lifetime --cost --count 1"));
}

TEST_F(PageOfAnyKind, WithoutADeviceThereIsNoCommand) {
    choice_.command = true;
    EXPECT_THAT(text(), Not(HasSubstr("This command")));
    EXPECT_FALSE(choice_.command) << "or a key would be taken for the one that closes it";
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
