// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A model with some sources, and what a page shows of it.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <linux/bpf.h>

#include <clocale>
#include <string>
#include <vector>

#include "stats/live/page/page.h"
#include "stats/live/page/selection.h"
#include "stats/live/paint/canvas_line.h"
#include "stats/report_for_tests.h"

namespace tally::stats {

class PageTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
    static void TearDownTestSuite() { std::setlocale(LC_CTYPE, "C"); }

    PageTest() {
        context_.host = "host";
        context_.interval = std::chrono::seconds(1);
        context_.now = 43200;  // 12:00:00
        context_.cpus = 4;
    }

    // 11 packets, 1 of them dropped; 5 packets/s passed.
    SampleReport report_of(const std::string& title) {
        SampleReport report = example_report();
        report.title = title;
        report.device = title;
        report.before_start = counters({{XDP_DROP, {1, 60}}});
        report.actions[XDP_DROP].lifetime = {501, 30060};
        return report;
    }
    // Nothing was ever counted.
    static SampleReport idle_report(const std::string& title) {
        SampleReport report = example_report();
        report.title = title;
        report.device = title;
        report.actions = {};
        report.total = {};
        return report;
    }
    void add(std::size_t number, const std::string& title) { take(number, report_of(title)); }
    void take(std::size_t number, const SampleReport& report) { model_.take(number, report, context_.now); }
    // Samples of the minutes before.
    void fill_history(std::size_t number, const SampleReport& report, int seconds) {
        for (int second = seconds; second > 0; --second) {
            model_.take(number, report, context_.now - second);
        }
        take(number, report);
    }

    void draw(Canvas& canvas) {
        const SourceList list = list_sources(model_, choice_, context_.now);
        keep_selection(choice_, model_, list);
        drawn_ = draw_page(canvas, model_, list, choice_, context_);
    }

    std::vector<std::string> page(int width = 80, int height = 24, Look look = {}) {
        Canvas canvas(width, height, look);
        draw(canvas);
        return lines_of(canvas);
    }

    std::string text(int width = 80, int height = 24, Look look = {}) {
        return fmt::format("{}\n", fmt::join(page(width, height, look), "\n"));
    }

    void move(std::ptrdiff_t by) { move_selection(choice_, list_sources(model_, choice_, context_.now), by); }

    ScreenState model_{Totals::kMap};
    LiveChoice choice_;
    ViewContext context_;
    DrawnPage drawn_;
};

}  // namespace tally::stats
