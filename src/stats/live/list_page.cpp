// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/list_page.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "common/base/printable.h"
#include "common/pins/abi_names.h"
#include "stats/live/sparkline.h"
#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

constexpr std::array<char32_t, kActions> kSymbols = {U'!', U'x', U'o', U'+', U'*'};
constexpr double kNewsLasts = 10;    // seconds that a replacement stands out
constexpr double kListWindow = 120;  // samples
constexpr Style kFaint = {.dim = true};
constexpr Style kBold = {.bold = true};

std::string grouped(std::uint64_t value) {
    fmt::memory_buffer buffer;
    append_grouped(buffer, value, 0);
    return fmt::to_string(buffer);
}

// "2.99 k".
std::string scaled(double value) {
    fmt::memory_buffer buffer;
    append_scaled(buffer, value, "");
    return fmt::to_string(buffer);
}

std::string compact(double value, std::string_view unit) {
    fmt::memory_buffer buffer;
    append_scaled(buffer, value, unit);
    auto text = fmt::to_string(buffer);
    text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
    if (const auto gap = text.find("  "); gap != std::string::npos) {
        text.erase(gap, 1);  // no prefix
    }
    return text;
}

std::string span_text(double seconds) {
    if (seconds < 1) {
        return fmt::format("{:.0f} ms", seconds * 1000);
    }
    if (seconds < 120) {
        return fmt::format("{:.3g} s", seconds);
    }
    return seconds < 7200 ? fmt::format("{:.3g} min", seconds / 60) : fmt::format("{:.3g} h", seconds / 3600);
}

// So many of the current samples that what is known fills a good part of the picture.
double window(const ScreenState& model, const Surroundings& around, double most) {
    const double interval = std::chrono::duration<double>(around.interval).count();
    const double span = model.span(around.now);
    for (const double samples : {60.0, 120.0}) {
        if (samples >= most || span <= samples * interval) {
            return std::min(samples, most) * interval;
        }
    }
    return most * interval;
}

std::string state_text(const ScreenSource& source) {
    const SampleReport& report = source.report;
    if (!report.readable) {
        return "waiting";
    }
    auto text = std::string(state_name(report.state));
    return report.program_info ? text + fmt::format(" g{}", report.program_info->generation) : text;
}

bool is_news(const ScreenSource& source, double now) {
    return source.replaced && now - *source.replaced < kNewsLasts;
}

Style state_style(const ScreenSource& source, double now) {
    if (!source.report.readable) {
        return {.ink = Ink::kWarning};
    }
    switch (source.report.state) {
        case AttachState::kAttached:
            return {.ink = Ink::kGood, .bold = is_news(source, now)};
        case AttachState::kDetached:
        case AttachState::kStale:
            return {.ink = Ink::kWarning};
        default:
            return kFaint;
    }
}

// ---- columns of numbers

struct Column {
    int end = 0;  // 0: there is no room for it
    int width = 0;
};

struct Columns {
    int name_end = 0;
    Column packets, bytes, pps, bps;
    int spark = 0;
    int spark_width = 0;
};

Columns lay_out(int width, int name_width, Units units) {
    constexpr int kRoomy = 110;
    constexpr int kLeastSpark = 8;
    const bool roomy = width >= kRoomy;
    const int gap = roomy ? 3 : 1;
    const bool raw = units == Units::kRaw;
    Columns columns;
    columns.name_end = name_width;
    columns.packets.width = roomy ? 15 : 11;
    columns.bytes.width = roomy ? 19 : 13;
    columns.pps.width = raw ? 10 : static_cast<int>(kScaledWidth) + 1;
    columns.bps.width = raw ? 13 : static_cast<int>(kScaledWidth) + 1;
    int left = width - name_width - 1;
    // What matters most gets its room first.
    const auto grant = [&](int wanted) {
        const bool fits = left >= wanted + gap;
        left -= fits ? wanted + gap : 0;
        return fits;
    };
    const bool packets = grant(columns.packets.width);
    const bool pps = grant(columns.pps.width);
    const bool bps = grant(columns.bps.width);
    // Who wants every digit wants all numbers.
    const bool bytes_first = raw && grant(columns.bytes.width);
    const bool spark = grant(kLeastSpark);
    const bool bytes = bytes_first || (!raw && grant(columns.bytes.width));
    int x = name_width;
    const auto context = [&](Column& column, bool there) {
        if (there) {
            x += gap + column.width;
            column.end = x;
        }
    };
    context(columns.packets, packets);
    context(columns.bytes, bytes);
    context(columns.pps, pps);
    context(columns.bps, bps);
    if (spark) {
        columns.spark = x + gap + 1;
        columns.spark_width = width - 1 - columns.spark;
    }
    return columns;
}

void write_titles(Canvas& canvas, int y, const Columns& columns, Units units, std::string_view name,
                  double seconds) {
    const auto title = [&](const Column& column, std::string_view text) {
        if (column.end > 0) {
            canvas.write_right(column.end, y, text, kFaint);
        }
    };
    canvas.write(2, y, name, kFaint, columns.name_end);
    title(columns.packets, "PACKETS");
    title(columns.bytes, "BYTES");
    title(columns.pps, "PKT/S");
    title(columns.bps, units == Units::kBytes ? "BYTE/S" : "BIT/S");
    if (columns.spark_width > 0) {
        canvas.write(columns.spark, y, "LAST " + span_text(seconds), kFaint);
    }
}

std::string count_text(std::uint64_t value, Units units, int width) {
    auto text = units == Units::kRaw ? std::to_string(value) : grouped(value);
    return static_cast<int>(text.size()) <= width ? text : scaled(static_cast<double>(value));
}

std::string rate_text(double value, Units units, int width) {
    if (units == Units::kRaw) {
        auto text = fmt::format("{:.0f}", value);
        if (static_cast<int>(text.size()) <= width) {
            return text;
        }
    }
    return scaled(value);
}

void write_numbers(Canvas& canvas, int y, const Columns& columns, Units units, const ScreenSource& source,
                   std::size_t action, Style style) {
    const Counter total = total_of(source, action);
    const Rate rate = rate_of(source, action);
    const auto write = [&](const Column& column, const std::string& text, bool is_zero) {
        if (column.end > 0) {
            canvas.write_right(column.end, y, text, is_zero ? kFaint : style);
        }
    };
    write(columns.packets, count_text(total.rx_packets, units, columns.packets.width), total.rx_packets == 0);
    write(columns.bytes, count_text(total.rx_bytes, units, columns.bytes.width), total.rx_bytes == 0);
    if (!source.report.readable || !(source.report.period > 0)) {
        // Nothing to compare with yet.
        const std::string none = units == Units::kRaw ? "-" : "-  ";
        write(columns.pps, none, true);
        write(columns.bps, none, true);
        return;
    }
    const double bps = units == Units::kBytes ? rate.bps / 8 : rate.bps;
    write(columns.pps, rate_text(rate.pps, units, columns.pps.width), rate.pps == 0);
    write(columns.bps, rate_text(bps, units, columns.bps.width), bps == 0);
}

void write_spark(Canvas& canvas, int y, const Columns& columns, const ScreenSource& source,
                 std::size_t action, double now, double seconds, Style style) {
    if (columns.spark_width <= 0) {
        return;
    }
    std::vector<double> values(static_cast<std::size_t>(columns.spark_width));
    source.history.resample(action, now, seconds / static_cast<double>(values.size()), values);
    draw_sparkline(canvas, columns.spark, y, values, style);
}

std::vector<std::size_t> actions_to_show(const ScreenSource& source, bool all) {
    std::vector<std::size_t> actions;
    for (std::size_t action = 0; action < kActions; ++action) {
        if (all || !is_idle(source, action)) {
            actions.push_back(action);
        }
    }
    return actions;
}

// ---- the lines around

struct KeyHint {
    std::string_view key;
    std::string text;
};

void write_keys(Canvas& canvas, const std::vector<KeyHint>& hints) {
    const int y = canvas.height() - 1;
    int x = 1;
    for (const KeyHint& hint : hints) {
        const int width =
            text_width(canvas.unicode(), hint.key) + 1 + text_width(canvas.unicode(), hint.text);
        if (x + width > canvas.width()) {
            break;
        }
        x = canvas.write(x, y, hint.key, kBold);
        x = canvas.write(x + 1, y, hint.text, kFaint) + 2;
    }
}

void write_remark(Canvas& canvas, const std::string& notice, const std::string& position) {
    const int y = canvas.height() - 2;
    const int end = canvas.width() - 1;
    canvas.write_right(end, y, position, kFaint);
    canvas.write_cut(1, y, printable(notice), {},
                     end - (position.empty() ? 0 : text_width(canvas.unicode(), position) + 2));
}

// What stands at the right of the first line, as far as there is room: the column where it begins.
int write_status(Canvas& canvas, const LiveChoice& choice, const Rate& rate, const Surroundings& around) {
    int end = canvas.width() - 1;
    const auto put = [&](const std::string& text, Style style, int gap) {
        const int width = text_width(canvas.unicode(), text);
        if (end - width > canvas.width() / 3) {
            canvas.write_right(end, 0, text, style);
            end -= width + gap;
        }
    };
    put(around.clock, {}, 2);
    if (choice.paused) {
        put(" PAUSED ", {.ink = Ink::kWarning, .bold = true, .reverse = true}, 2);
    }
    put(compact(rate.pps, "pkt/s"), kBold, 2);
    if (canvas.width() >= 100) {
        put(choice.units == Units::kBytes ? compact(rate.bps / 8, "byte/s") : compact(rate.bps, "bit/s"),
            kBold, 2);
    }
    return end;
}

std::string_view dot(const Canvas& canvas) {
    return canvas.unicode() ? " · " : ", ";
}

// From where totals count, if that needs to be said.
std::string zero_text(ScreenState::Zero zero, std::string_view before, std::string_view after) {
    if (zero == ScreenState::Zero::kNone) {
        return {};
    }
    return fmt::format("{}since {}{}", before, zero == ScreenState::Zero::kReset ? "reset" : "start", after);
}

std::string_view sort_text(Sort sort) {
    switch (sort) {
        case Sort::kPackets:
            return "packets/s";
        case Sort::kDrops:
            return "drops/s";
        case Sort::kName:
            break;
    }
    return "name";
}

std::string_view units_text(Units units) {
    switch (units) {
        case Units::kBytes:
            return "bytes";
        case Units::kRaw:
            return "raw";
        case Units::kPacketsAndBits:
            break;
    }
    return "bits";
}

// ---- the list

struct Row {
    const ScreenSource* source = nullptr;
    std::size_t action = kAllActions;  // that: the source's own line
};

std::vector<Row> rows_of(const std::vector<const ScreenSource*>& order, bool all_actions) {
    std::vector<Row> rows;
    for (const ScreenSource* source : order) {
        rows.push_back({source, kAllActions});
        for (const std::size_t action : actions_to_show(*source, all_actions)) {
            rows.push_back({source, action});
        }
    }
    return rows;
}

int name_width(const Canvas& canvas, const ScreenState& model) {
    int widest = 14;
    for (const auto& [number, source] : model.sources()) {
        widest = std::max(widest, 2 + text_width(canvas.unicode(), source.report.title) + 2 +
                                      static_cast<int>(state_text(source).size()));
    }
    const int most = canvas.width() * 3 / 10;
    return std::min(widest, std::max(most, 14));
}

// Keeps the lines of the selected source in sight, its own one above all.
void scroll(LiveChoice& choice, const std::vector<Row>& rows, int height) {
    int first = 0;
    int last = 0;
    for (int line = 0; line < static_cast<int>(rows.size()); ++line) {
        if (choice.selected == rows[static_cast<std::size_t>(line)].source->number) {
            last = line;
            if (rows[static_cast<std::size_t>(line)].action == kAllActions) {
                first = line;
            }
        }
    }
    const int most = std::max(static_cast<int>(rows.size()) - height, 0);
    choice.top = std::max(choice.top, last - height + 1);
    choice.top = std::clamp(std::min(choice.top, first), 0, most);
}

void write_source(Canvas& canvas, int y, const Columns& columns, const ScreenSource& source, double now) {
    const std::string state = state_text(source);
    const int state_x = columns.name_end - static_cast<int>(state.size());
    constexpr int kLeastName = 6;
    const bool both = state_x - 3 >= kLeastName;
    canvas.write_cut(2, y, source.report.title, kBold, both ? state_x - 1 : columns.name_end);
    if (both) {
        canvas.write(state_x, y, state, state_style(source, now));
    }
}

void write_row(Canvas& canvas, int y, const Columns& columns, const Row& row, const LiveChoice& choice,
               const Surroundings& around, double seconds) {
    const bool whole = row.action == kAllActions;
    const Style style = whole ? Style() : Style{.ink = ink_of(row.action)};
    if (whole) {
        write_source(canvas, y, columns, *row.source, around.now);
    } else {
        canvas.write(4, y, kShortActionNames[row.action], style, columns.name_end);
    }
    write_numbers(canvas, y, columns, choice.units, *row.source, row.action, whole ? kBold : Style());
    write_spark(canvas, y, columns, *row.source, row.action, around.now, seconds, style);
    if (whole && choice.selected == row.source->number) {
        canvas.set(0, y, canvas.unicode() ? U'▸' : U'>', kBold);
        canvas.mark(y);
    }
}

void draw_list(Canvas& canvas, const ScreenState& model, LiveChoice& choice, const Surroundings& around) {
    const int status = write_status(canvas, choice, model.total_rate(), around);
    int x = canvas.write(1, 0, "xdp_stats", kBold, status);
    const std::string between(dot(canvas));
    const std::string about =
        "  " + zero_text(model.zero(), "", between) + printable(around.host) + between +
        fmt::format("{} device{}", model.sources().size(), model.sources().size() == 1 ? "" : "s") + between +
        "every " + span_text(std::chrono::duration<double>(around.interval).count());
    canvas.write_cut(x, 0, about, {}, status);

    const auto order = sorted(model, choice.sort);
    const auto rows = rows_of(order, choice.all_actions);
    const Columns columns = lay_out(canvas.width(), name_width(canvas, model), choice.units);
    const double seconds = window(model, around, kListWindow);
    write_titles(canvas, 1, columns, choice.units, "DEVICE", seconds);

    const int height = canvas.height() - 4;
    scroll(choice, rows, height);
    choice.page = 0;
    int y = 2;
    for (std::size_t line = static_cast<std::size_t>(choice.top); line < rows.size() && y < 2 + height;
         ++line, ++y) {
        write_row(canvas, y, columns, rows[line], choice, around, seconds);
        choice.page += rows[line].action == kAllActions ? 1 : 0;
    }
    choice.page = std::max<std::size_t>(choice.page, 1);
    if (rows.empty()) {
        canvas.write(2, 3, "no counter map is pinned yet; waiting", kFaint);
    }
    std::string position;
    if (static_cast<int>(rows.size()) > height) {
        position = fmt::format("lines {}-{} of {}", choice.top + 1, choice.top + y - 2, rows.size());
    }
    write_remark(canvas, around.notice, position);
    write_keys(canvas, {{"q", "quit"},
                        {"Enter", "detail"},
                        {"s", fmt::format("sort: {}", sort_text(choice.sort))},
                        {"u", fmt::format("units: {}", units_text(choice.units))},
                        {"p", choice.paused ? "go on" : "pause"},
                        {"?", "help"},
                        {"r", "reset"},
                        {"a", choice.all_actions ? "used actions" : "all actions"},
                        {"+/-", "interval"}});
}

// ---- the detail

void write_program(Canvas& canvas, const ScreenSource& source, const std::string& pin) {
    const SampleReport& report = source.report;
    const int end = canvas.width() - 1;
    const bool over = report.state == AttachState::kDetached || report.state == AttachState::kStale;
    const std::string program =
        report.program_info ? fmt::format("{}{} (id {}), {} mode, by {}, generation {}",
                                          over ? "last fed by " : "", printable(report.program_info->program),
                                          report.program_info->program_id, report.program_info->mode,
                                          report.program_info->attach, report.program_info->generation)
                            : "not known: there is no metadata record";
    canvas.write(1, 1, "program", kFaint);
    canvas.write_cut(9, 1, program, {}, end);
    canvas.write(1, 2, "map", kFaint);
    canvas.write_cut(9, 2,
                     report.map_id == 0 ? "none yet"
                                        : fmt::format("{}{}{}", report.map_id,
                                                      pin.empty() ? "" : ", pinned at ", printable(pin)),
                     {}, end);
}

// Drops and what went wrong are drawn last: over the others.
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

// The verdict that this CPU comes to most often.
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
                const std::vector<std::size_t>& actions, const LiveChoice& choice, const Surroundings& around,
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
        write_spark(canvas, y, columns, source, action, around.now, seconds, style);
        ++y;
    }
    if (y < end) {
        canvas.write(4, y, "total", kBold);
        write_numbers(canvas, y, columns, choice.units, source, kAllActions, kBold);
        write_spark(canvas, y, columns, source, kAllActions, around.now, seconds, {});
    }
}

void draw_detail(Canvas& canvas, const ScreenState& model, const ScreenSource& source,
                 const LiveChoice& choice, const Surroundings& around) {
    const int status = write_status(canvas, choice, rate_of(source, kAllActions), around);
    const int x =
        canvas.write_cut(1, 0, source.report.title, kBold, std::max(status - 14, canvas.width() / 3));
    const int state_end =
        canvas.write_cut(x + 2, 0, state_text(source), state_style(source, around.now), status);
    canvas.write_cut(state_end, 0, zero_text(model.zero(), dot(canvas), ""), {}, status);
    write_program(canvas, source, around.pin);

    auto actions = actions_to_show(source, choice.all_actions);
    constexpr int kTop = 4;
    const int bottom = canvas.height() - 2;
    const int room = bottom - kTop;
    // The table may take what the plot does not need to be readable, the bars what is left then.
    constexpr int kLeastPlot = 5 + kAxisHeight;
    const int table = std::min(static_cast<int>(actions.size()) + 2, room);
    int cpus = cpu_lines(source.report, canvas.width() - 2, std::max((room - table) / 4, 1));
    int plot = room - table - (cpus > 0 ? cpus + 1 : 0) - 1;
    if (plot < kLeastPlot) {
        plot += cpus > 0 ? cpus + 1 : 0;
        cpus = 0;
    }
    plot -= (plot + 1 - kAxisHeight) % 2 == 0 ? 1 : 0;  // an axis of an odd height has a middle
    const double seconds = window(model, around, static_cast<double>(History::kSamples));
    int y = kTop - 1;
    if (plot >= 2 + kAxisHeight) {
        const Rect rect = {1, y, canvas.width() - 2, plot + 1};
        const auto series =
            series_of(source, actions, around.now, seconds, plot_columns(rect.width, around.strokes));
        draw_plot(canvas, rect, series, around.strokes, span_text(seconds) + " ago");
        canvas.write(rect.x + kAxisWidth + (rect.width - kAxisWidth) / 2 - 4, y + plot, "packets/s", kFaint);
        y += plot + 2;
    }
    draw_table(canvas, y, bottom, source, actions, choice, around, seconds);
    y += table;
    if (cpus > 0) {
        draw_cpus(canvas, {2, y + 1, canvas.width() - 3, cpus}, source.report);
    }
    write_remark(canvas, around.notice, {});
    write_keys(canvas, {{"q", "quit"},
                        {"Esc", "back"},
                        {canvas.unicode() ? "↑↓" : "j/k", "other device"},
                        {"u", fmt::format("units: {}", units_text(choice.units))},
                        {"p", choice.paused ? "go on" : "pause"},
                        {"?", "help"},
                        {"r", "reset"},
                        {"a", choice.all_actions ? "used actions" : "all actions"},
                        {"+/-", "interval"}});
}

// ---- help

void draw_help(Canvas& canvas) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kLines = {{
        {"Up Down, j k", "select a device"},
        {"PgUp PgDn Home End", "the same in larger steps"},
        {"Enter", "its plot, its CPUs and its program"},
        {"Esc, Backspace", "back to the list"},
        {"s", "sort by name, packets/s or drops/s"},
        {"u", "units: packets and bits, bytes, raw"},
        {"a", "also actions that never counted"},
        {"p", "hold the picture; counting goes on"},
        {"r", "count from now on (the map stays as it is)"},
        {"+ -", "longer or shorter interval"},
        {"Ctrl-L", "draw the screen anew"},
        {"?", "this page; any key leaves it"},
        {"q", "quit"},
    }};
    constexpr int kWidest = 66;
    const int width = std::min(kWidest, canvas.width());
    const int height = std::min(static_cast<int>(kLines.size()) + 2, canvas.height());
    const int left = (canvas.width() - width) / 2;
    const int top = (canvas.height() - height) / 2;
    const auto draw = [&](int y, std::u32string_view line) {  // what is left, between, and right
        for (int x = left; x < left + width; ++x) {
            canvas.set(x, y, line[1], kFaint);
        }
        canvas.set(left, y, line[0], kFaint);
        canvas.set(left + width - 1, y, line[2], kFaint);
    };
    for (int y = top; y < top + height; ++y) {
        draw(y, canvas.unicode() ? U"│ │" : U"| |");
    }
    draw(top + height - 1, canvas.unicode() ? U"╰─╯" : U"+-+");
    draw(top, canvas.unicode() ? U"╭─╮" : U"+-+");
    canvas.write(left + 2, top, " Keys ", kBold);
    int y = top + 1;
    for (const auto& [keys, what] : kLines) {
        if (y >= top + height - 1) {
            break;
        }
        const int gap = width < kWidest ? 1 : 20;
        const int x = canvas.write(left + 2, y, keys, kBold, left + width - 1);
        canvas.write_cut(std::max(x + 1, left + 2 + gap), y++, what, {}, left + width - 1);
    }
}

}  // namespace

void move_selection(LiveChoice& choice, const ScreenState& model, std::ptrdiff_t by) {
    const auto order = sorted(model, choice.sort);
    if (order.empty()) {
        choice.selected.reset();
        return;
    }
    const auto same = [&](const ScreenSource* source) { return choice.selected == source->number; };
    const auto found = std::find_if(order.begin(), order.end(), same);
    const auto last = static_cast<std::ptrdiff_t>(order.size()) - 1;
    auto at = found != order.end() ? found - order.begin() : static_cast<std::ptrdiff_t>(choice.position);
    // The distance may be the largest there is.
    at = by > last ? last : by < -last ? 0 : std::clamp<std::ptrdiff_t>(at + by, 0, last);
    choice.position = static_cast<std::size_t>(at);
    choice.selected = order[choice.position]->number;
}

void draw_page(Canvas& canvas, const ScreenState& model, LiveChoice& choice, const Surroundings& around) {
    if (canvas.width() < kLeastWidth || canvas.height() < kLeastHeight) {
        if (canvas.height() > 0) {
            canvas.write(0, 0, "terminal too small");
        }
        return;
    }
    move_selection(choice, model, 0);
    const ScreenSource* const source = choice.selected ? model.find(*choice.selected) : nullptr;
    if (choice.detail && source != nullptr) {
        draw_detail(canvas, model, *source, choice, around);
    } else {
        draw_list(canvas, model, choice, around);
    }
    if (choice.help) {
        draw_help(canvas);
    }
}

}  // namespace tally::stats
