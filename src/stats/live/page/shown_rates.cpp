// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/shown_rates.h"

#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cmath>

#include "stats/live/paint/axis.h"

namespace tally::stats {
namespace {

// Of a column; less is the rounding error of a moment that begins one.
constexpr double kTouch = 1e-6;

}  // namespace

bool shows_latest(const ScreenSource& source, const LiveChoice& choice) {
    return source.report.readable && !choice.cursor;
}

ShownRates rates_shown(const ScreenSource& source, const LiveChoice& choice, double step) {
    ShownRates rates;
    if (choice.cursor) {
        const double begin = std::floor(*choice.cursor / step + kTouch) * step;
        rates.moment = source.history.read(begin, begin + step);
        return rates;
    }
    const SampleReport& report = source.report;
    rates.moment.known = shows_latest(source, choice) && report.period > 0;
    if (rates.moment.known) {
        for (std::size_t action = 0; action < kActions; ++action) {
            rates.moment.pps[action] = report.actions[action].rate.pps;
            rates.bps[action] = report.actions[action].rate.bps;
        }
        rates.moment.bps = report.total.rate.bps;
    }
    return rates;
}

std::optional<Sum> sum_shown(const ScreenSource& source, const LiveChoice& choice, double step) {
    const Moment moment = rates_shown(source, choice, step).moment;
    if (!moment.known) {
        return std::nullopt;
    }
    return Sum{moment.total(), moment.bps, moment.pps[XDP_DROP]};
}

Sum sum_shown(const ScreenState& model, const LiveChoice& choice, double step) {
    Sum sum;
    for (const auto& [number, source] : model.sources()) {
        const Sum part = sum_shown(source, choice, step).value_or(Sum());
        sum.pps += part.pps;
        sum.bps += part.bps;
        sum.drop_pps += part.drop_pps;
    }
    return sum;
}

std::vector<StackColumn> stack_of(const ScreenSource& source, const TimeColumns& columns) {
    std::vector<Moment> moments(columns.count);
    source.history.resample(columns.begin, columns.step, moments);
    std::vector<StackColumn> stack(columns.count);
    // Colours that stand for a share must not look like something that happens to all sources at once.
    constexpr std::int64_t kApart = 5;
    const auto first = static_cast<std::int64_t>(std::llround(columns.begin / columns.step)) +
                       kApart * static_cast<std::int64_t>(source.number);
    for (std::size_t at = 0; at < stack.size(); ++at) {
        stack[at] = {moments[at].pps, moments[at].known, first + static_cast<std::int64_t>(at)};
    }
    return stack;
}

double highest(std::span<const StackColumn> columns) {
    double most = 0;
    for (const StackColumn& column : columns) {
        most = std::max(most, column.total());
    }
    return most;
}

Plot plot_of(const ScreenSource& source, const TimeColumns& columns, const LiveChoice& choice,
             const ViewContext& context) {
    constexpr int kTickWidth = 16;  // columns for the label of a tick
    Plot plot;
    plot.columns = stack_of(source, columns);
    plot.end = axis_end(highest(plot.columns));
    const double shift = context.time_of_day;
    const TimeTicks ticks = time_ticks(columns.begin + shift, columns.end() + shift,
                                       static_cast<int>(columns.count) / kTickWidth);
    for (const double moment : ticks.moments) {
        plot.times.push_back({columns.column_of(moment - shift), time_text(moment, ticks.with_seconds)});
    }
    for (const Replacement& replacement : source.events.replacements) {
        plot.marks.push_back(
            {columns.column_of(replacement.time),
             replacement.generation == 0 ? "replaced" : fmt::format("g{}", replacement.generation)});
    }
    if (choice.cursor) {
        const double column = std::floor(columns.column_of(*choice.cursor) + kTouch);
        if (column >= 0 && column < static_cast<double>(columns.count)) {
            plot.cursor = static_cast<std::size_t>(column);
            plot.cursor_text = time_text(*choice.cursor + shift, true);
        }
    }
    return plot;
}

}  // namespace tally::stats
