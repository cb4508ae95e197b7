// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/about_panel.h"

#include <algorithm>

#include "stats/live/page/cpu_strip.h"
#include "stats/live/page/device_lines.h"
#include "stats/live/page/source_list.h"
#include "stats/live/page/verdict_table.h"

namespace tally::stats {
namespace {

constexpr int kTwoColumns = 150;  // columns from which verdicts are beside the rest
constexpr int kTable = 60;        // columns from which verdicts are a table
constexpr int kMostHeat = 4;      // lines of CPUs

Rect inside(const Rect& rect) {
    return {rect.x + 2, rect.y, rect.width - 3, rect.height};
}

// Beside each other, or below each other.
struct Parts {
    Rect verdicts;
    Rect rest;
};

int verdicts_width(int width) {
    return width >= kTwoColumns ? width * 11 / 20 : width;
}

Parts divide(const Rect& inner, int verdicts) {
    Parts parts = {inner, inner};
    if (inner.width >= kTwoColumns) {
        parts.verdicts.width = verdicts_width(inner.width);
        parts.rest.x = parts.verdicts.right() + 2;
        parts.rest.width = inner.right() - parts.rest.x;
        return parts;
    }
    parts.verdicts.height = std::min(verdicts, inner.height);
    parts.rest.y = parts.verdicts.bottom() + 1;
    parts.rest.height = inner.bottom() - parts.rest.y;
    return parts;
}

int verdict_lines(const ScreenSource& source, const LiveChoice& choice, int width) {
    constexpr int kBelowLegend = 3;  // of all verdicts: packets, bits, frame
    return width >= kTable
               ? verdict_table_lines(source, choice, verdicts_width(width))
               : static_cast<int>(actions_to_show(source, choice.all_actions).size()) + kBelowLegend;
}

// The CPUs, and what is known of the device.
struct Rest {
    CpuStrip cpus;
    std::vector<DeviceLine> lines;

    int height() const { return 2 + cpus.layout.lines + static_cast<int>(lines.size()); }
};

Rest rest_of(const ScreenSource& source, const LiveChoice& choice, const ViewContext& context, int width) {
    return {cpu_strip_of(source, choice, context.cpus, width, kMostHeat),
            device_lines(source, choice, context.facts, width)};
}

}  // namespace

int about_lines(const ScreenSource& source, const LiveChoice& choice, const ViewContext& context, int width) {
    const Rect inner = inside({0, 0, width, 0});
    const int verdicts = verdict_lines(source, choice, inner.width);
    const int rest = rest_of(source, choice, context, divide(inner, verdicts).rest.width).height();
    return inner.width >= kTwoColumns ? std::max(verdicts, rest) : verdicts + 1 + rest;
}

void draw_about(Canvas& canvas, const Rect& rect, const ScreenSource& source, const LiveChoice& choice,
                const ViewContext& context, double step) {
    const Rect inner = inside(rect);
    const Parts parts = divide(inner, verdict_lines(source, choice, inner.width));
    if (inner.width >= kTable) {
        draw_verdict_table(canvas, parts.verdicts, source, choice, step);
    } else {
        draw_legend(canvas, parts.verdicts, source, choice, step);
    }
    const Rest rest = rest_of(source, choice, context, parts.rest.width);
    const int heat = rest.cpus.layout.lines;
    int y = parts.rest.y;
    if (y + 1 + heat <= parts.rest.bottom()) {
        canvas.write_cut(parts.rest.x, y, cpu_text(rest.cpus, parts.rest.width), kFaint, parts.rest.right());
        draw_cpus(canvas, {parts.rest.x, y + 1, parts.rest.width, heat}, rest.cpus);
        y += heat + 2;
    }
    // Folded into narrow lines, the first of them alone would tell little.
    const int room = parts.rest.bottom() - y;
    if (inner.width >= kTable || static_cast<int>(rest.lines.size()) <= room) {
        write_device_lines(canvas, {parts.rest.x, y, parts.rest.width, room}, rest.lines);
    }
}

}  // namespace tally::stats
