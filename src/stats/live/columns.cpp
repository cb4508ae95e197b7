// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "common/pins/abi_names.h"
#include "stats/live/sparkline.h"
#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

std::string grouped(std::uint64_t value) {
    fmt::memory_buffer buffer;
    append_grouped(buffer, value, 0);
    return fmt::to_string(buffer);
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

}  // namespace

std::string scaled(double value) {
    fmt::memory_buffer buffer;
    append_scaled(buffer, value, "");
    return fmt::to_string(buffer);
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

double time_window(const ScreenState& model, const ViewContext& context, double most) {
    const double interval = std::chrono::duration<double>(context.interval).count();
    const double span = model.span(context.now);
    for (const double samples : {60.0, 120.0}) {
        if (samples >= most || span <= samples * interval) {
            return std::min(samples, most) * interval;
        }
    }
    return most * interval;
}

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
    // The most important columns first.
    const auto grant = [&](int wanted) {
        const bool fits = left >= wanted + gap;
        left -= fits ? wanted + gap : 0;
        return fits;
    };
    const bool packets = grant(columns.packets.width);
    const bool pps = grant(columns.pps.width);
    const bool bps = grant(columns.bps.width);
    // With raw units, numbers are more important than the sparkline.
    const bool bytes_first = raw && grant(columns.bytes.width);
    const bool spark = grant(kLeastSpark);
    const bool bytes = bytes_first || (!raw && grant(columns.bytes.width));
    int x = name_width;
    const auto put = [&](Column& column, bool there) {
        if (there) {
            x += gap + column.width;
            column.end = x;
        }
    };
    put(columns.packets, packets);
    put(columns.bytes, bytes);
    put(columns.pps, pps);
    put(columns.bps, bps);
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

void write_numbers(Canvas& canvas, int y, const Columns& columns, Units units, const ScreenSource& source,
                   std::size_t action, Style style) {
    const auto total = total_of(source, action);
    const Rate rate = rate_of(source, action);
    const auto write = [&](const Column& column, const std::string& text, bool is_zero) {
        if (column.end > 0) {
            canvas.write_right(column.end, y, text, is_zero ? kFaint : style);
        }
    };
    const auto write_count = [&](const Column& column, std::uint64_t count) {
        write(column, total ? count_text(count, units, column.width) : "-", count == 0);
    };
    const Counter known = total.value_or(Counter{});
    write_count(columns.packets, known.rx_packets);
    write_count(columns.bytes, known.rx_bytes);
    if (!source.report.readable || !(source.report.period > 0)) {
        // There is no earlier sample to compare with.
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

}  // namespace tally::stats
