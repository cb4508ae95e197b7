// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/detail_page.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/base/printable.h"
#include "common/pins/abi_names.h"
#include "stats/live/columns.h"
#include "stats/live/plot.h"
#include "stats/live/sparkline.h"
#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

constexpr std::array<char32_t, kActions> kSymbols = {U'!', U'x', U'o', U'+', U'*'};

void write_program(Canvas& canvas, const ScreenSource& source, const std::string& pin) {
    const SampleReport& report = source.report;
    const int end = canvas.width() - 1;
    const bool over = report.state == AttachState::kDetached || report.state == AttachState::kStale;
    const std::string program =
        report.program
            ? fmt::format("{}{} (id {}), {} mode, by {}, generation {}", over ? "last attached: " : "",
                          printable(report.program->name), report.program->id, report.program->mode,
                          report.program->attach, report.program->generation)
            : "not known: the map has no meta";
    canvas.write(1, 1, "program", kFaint);
    canvas.write_cut(9, 1, program, {}, end);
    canvas.write(1, 2, "map", kFaint);
    canvas.write_cut(9, 2,
                     report.map_id == 0 ? "none yet"
                                        : fmt::format("{}{}{}", report.map_id,
                                                      pin.empty() ? "" : ", pinned at ", printable(pin)),
                     {}, end);
}

// Drops and errors last: they are drawn over the others.
std::vector<Series> series_of(const ScreenSource& source, const std::vector<std::size_t>& actions, double now,
                              double seconds, std::size_t columns) {
    constexpr std::array<std::size_t, kActions> kOrder = {XDP_PASS, XDP_TX, XDP_REDIRECT, XDP_DROP,
                                                          XDP_ABORTED};
    std::vector<Series> all;
    for (const std::size_t action : kOrder) {
        if (std::find(actions.begin(), actions.end(), action) != actions.end()) {
            Series one;
            one.values.resize(columns);
            source.history.resample(action, now, seconds / static_cast<double>(columns), one.values);
            one.symbol = kSymbols[action];
            one.style = {.ink = ink_of(action)};
            all.push_back(std::move(one));
        }
    }
    return all;
}

double cpu_rate(const CpuValues& cpu) {
    double rate = 0;
    for (const CounterValues& values : cpu.actions) {
        rate += values.rate.pps;
    }
    return rate;
}

// The colour of the most frequent verdict on this CPU.
Ink cpu_ink(const CpuValues& cpu) {
    const auto most = std::max_element(
        cpu.actions.begin(), cpu.actions.end(),
        [](const CounterValues& a, const CounterValues& b) { return a.rate.pps < b.rate.pps; });
    return ink_of(static_cast<std::size_t>(most - cpu.actions.begin()));
}

constexpr int kCpuCell = 38;

int cpus_across(const SampleReport& report, int width) {
    return std::clamp(static_cast<int>(report.cpus.size()), 1, std::max(width / kCpuCell, 1));
}

int cpu_lines(const SampleReport& report, int width, int most) {
    const int across = cpus_across(report, width);
    return std::min((static_cast<int>(report.cpus.size()) + across - 1) / across, most);
}

void draw_cpus(Canvas& canvas, const Rect& rect, const SampleReport& report) {
    const int across = cpus_across(report, rect.width);
    const int cell = std::min(rect.width / across, 60);
    double most = 0;
    for (const CpuValues& cpu : report.cpus) {
        most = std::max(most, cpu_rate(cpu));
    }
    const std::size_t room = static_cast<std::size_t>(across) * static_cast<std::size_t>(rect.height);
    const std::size_t shown = report.cpus.size() > room ? room - 1 : report.cpus.size();
    for (std::size_t i = 0; i <= shown && i < report.cpus.size(); ++i) {
        const int x = rect.x + static_cast<int>(i) % across * cell;
        const int y = rect.y + static_cast<int>(i) / across;
        if (i == shown) {
            canvas.write(x, y, fmt::format("and {} more CPUs", report.cpus.size() - shown), kFaint);
            break;
        }
        const CpuValues& cpu = report.cpus[i];
        const double rate = cpu_rate(cpu);
        canvas.write(x, y, fmt::format("cpu {:<4}", cpu.cpu), kFaint);
        const int bar = cell - 8 - static_cast<int>(kScaledWidth) - 3;
        draw_bar(canvas, x + 8, y, bar, rate, most, {.ink = cpu_ink(cpu)});
        canvas.write_right(x + cell - 2, y, scaled(rate), rate == 0 ? kFaint : Style());
    }
}

void draw_table(Canvas& canvas, int y, int end, const ScreenSource& source,
                const std::vector<std::size_t>& actions, const LiveChoice& choice, const ViewContext& context,
                double seconds) {
    constexpr int kNameWidth = 14;
    const Columns columns = lay_out(canvas.width(), kNameWidth, choice.units);
    write_titles(canvas, y++, columns, choice.units, "ACTION", seconds);
    for (const std::size_t action : actions) {
        if (y >= end) {
            return;
        }
        const Style style = {.ink = ink_of(action)};
        canvas.set(2, y, kSymbols[action], {.ink = style.ink, .bold = true});
        canvas.write(4, y, kShortActionNames[action], style, columns.name_end);
        write_numbers(canvas, y, columns, choice.units, source, action, {});
        write_spark(canvas, y, columns, source, action, context.now, seconds, style);
        ++y;
    }
    if (y < end) {
        canvas.write(4, y, "total", kBold);
        write_numbers(canvas, y, columns, choice.units, source, kAllActions, kBold);
        write_spark(canvas, y, columns, source, kAllActions, context.now, seconds, {});
    }
}

}  // namespace

void draw_detail(Canvas& canvas, const ScreenState& model, const ScreenSource& source,
                 const LiveChoice& choice, const ViewContext& context) {
    const int status = write_status(canvas, choice, rate_of(source, kAllActions), context);
    const int x = canvas.write_cut(1, 0, title_with_place(source.report), kBold,
                                   std::max(status - 14, canvas.width() / 3));
    const int state_end =
        canvas.write_cut(x + 2, 0, state_text(source), state_style(source, context.now), status);
    canvas.write_cut(state_end, 0, std::string(dot(canvas)) + totals_text(model), {}, status);
    write_program(canvas, source, context.pin);

    auto actions = actions_to_show(source, choice.all_actions);
    constexpr int kTop = 4;
    const int bottom = canvas.height() - 2;
    const int room = bottom - kTop;
    // The plot has a least height; the table comes next, then the bars.
    constexpr int kLeastPlot = 5 + kAxisHeight;
    const int table = std::min(static_cast<int>(actions.size()) + 2, room);
    int cpus = cpu_lines(source.report, canvas.width() - 2, std::max((room - table) / 4, 1));
    int plot = room - table - (cpus > 0 ? cpus + 1 : 0) - 1;
    if (plot < kLeastPlot) {
        plot += cpus > 0 ? cpus + 1 : 0;
        cpus = 0;
    }
    plot -= (plot + 1 - kAxisHeight) % 2 == 0 ? 1 : 0;  // an axis of an odd height has a middle
    const double seconds = time_window(model, context, static_cast<double>(History::kSamples));
    int y = kTop - 1;
    if (plot >= 2 + kAxisHeight) {
        const Rect rect = {1, y, canvas.width() - 2, plot + 1};
        const auto series =
            series_of(source, actions, context.now, seconds, plot_columns(rect.width, context.strokes));
        draw_plot(canvas, rect, series, context.strokes, span_text(seconds) + " ago");
        canvas.write(rect.x + kAxisWidth + (rect.width - kAxisWidth) / 2 - 4, y + plot, "packets/s", kFaint);
        y += plot + 2;
    }
    draw_table(canvas, y, bottom, source, actions, choice, context, seconds);
    y += table;
    if (cpus > 0) {
        draw_cpus(canvas, {2, y + 1, canvas.width() - 3, cpus}, source.report);
    }
    write_notice(canvas, context.notice, {});
    write_keys(canvas, choice,
               {{"q", "quit"}, {"Esc", "back"}, {canvas.unicode() ? "↑↓" : "j/k", "other device"}});
}

}  // namespace tally::stats
