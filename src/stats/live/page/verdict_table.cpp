// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/live/page/verdict_table.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/pins/abi_names.h"
#include "stats/live/page/list_columns.h"
#include "stats/live/page/numbers_text.h"
#include "stats/live/page/shown_rates.h"
#include "stats/live/page/source_list.h"
#include "stats/live/paint/folded_text.h"
#include "stats/model/loss_reasons.h"
#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

constexpr int kName = 10;
constexpr int kIndent = 4;  // of what is below a verdict

struct TableColumns {
    Column name, packets, bytes, pps, share, bps, frame;
};

// Below the line of a verdict: "lost 1,000: target is down (ENETDOWN)", or why that is not known.
std::vector<std::string> loss_lines(const ScreenSource& source, std::size_t action, int width) {
    std::vector<std::string> texts;
    if (const auto fate = fate_of(source, action)) {
        const std::string since = tracked_since(source);
        for (const Loss& loss : fate->losses) {
            texts.push_back(fmt::format("lost {}{}{}: {}",
                                        count_text(loss.packets, Units::kPacketsAndBits, kCountColumns),
                                        since.empty() ? "" : " ", since, loss_text(action, loss.reason)));
        }
    } else if (const std::string& why = why_unknown(source.report, action); !why.empty()) {
        texts.push_back("delivered: not known: " + why);
    }
    std::vector<std::string> lines;
    for (const std::string& text : texts) {
        const auto folded = fold_text(text, width - kIndent);
        lines.insert(lines.end(), folded.begin(), folded.end());
    }
    return lines;
}

TableColumns lay_out_table(const Rect& rect, Units units) {
    constexpr int kCount = 15;
    constexpr int kBytes = 19;
    constexpr int kShare = 7;
    constexpr int kFrame = 7;
    const bool raw = units == Units::kRaw;
    const int gap = rect.width < 100 ? 1 : 3;
    TableColumns columns;
    ColumnRoom room(rect.width, gap);
    room.grant(columns.name, kName);
    room.grant(columns.packets, rect.width < 70 ? kCount - 4 : kCount);
    room.grant(columns.pps, raw ? 10 : kScaledColumns);
    room.grant(columns.share, kShare);
    room.grant(columns.bps, raw ? 13 : kScaledColumns);
    room.grant(columns.bytes, rect.width < 90 ? kCount : kBytes);
    room.grant(columns.frame, kFrame);
    place_columns(rect.x, gap,
                  {&columns.name, &columns.packets, &columns.bytes, &columns.pps, &columns.share,
                   &columns.bps, &columns.frame});
    return columns;
}

void write_titles(Canvas& canvas, int y, const TableColumns& columns, Units units) {
    const auto right = [&](const Column& column, std::string_view text) {
        if (column.there()) {
            canvas.write_right(column.end, y, text, kFaint);
        }
    };
    canvas.write(columns.name.begin(), y, "VERDICT", kFaint);
    right(columns.packets, "PACKETS");
    right(columns.bytes, "BYTES");
    right(columns.pps, "PKT/S");
    right(columns.share, "SHARE");
    right(columns.bps, units == Units::kBytes ? "BYTE/S" : "BIT/S");
    right(columns.frame, "FRAME");
}

void write_name(Canvas& canvas, int x, int y, std::size_t action, int end) {
    if (action == kAllActions) {
        canvas.write(x + 2, y, "total", kBold, end);
        return;
    }
    write_with_letter(canvas, x, y, action, kShortActionNames.at(action), end);
}

// The mean frame now, or, while there is nothing, of all that was counted.
double mean_frame(const ShownRates& rates, const Counter& total, std::size_t action) {
    const double pps = rates.moment.of(action);
    const auto bps = action == kAllActions ? std::optional(rates.moment.bps) : rates.bps.at(action);
    if (pps > 0 && bps) {
        return in_units(*bps, Units::kBytes) / pps;
    }
    return total.rx_packets == 0
               ? 0
               : static_cast<double>(total.rx_bytes) / static_cast<double>(total.rx_packets);
}

void write_line(Canvas& canvas, int y, const TableColumns& columns, const ScreenSource& source,
                const ShownRates& rates, std::size_t action, Units units) {
    const Style style = action == kAllActions ? kBold : Style();
    const auto right = [&](const Column& column, const std::string& text, bool nothing) {
        if (column.there()) {
            canvas.write_right(column.end, y, text, nothing ? kFaint : style);
        }
    };
    write_name(canvas, columns.name.begin(), y, action, columns.name.end);
    const auto counted = total_of(source, action);
    const Counter total = counted.value_or(Counter{});
    const auto count = [&](const Column& column, std::uint64_t value) {
        right(column, counted ? count_text(value, units, column.width) : "-", value == 0);
    };
    count(columns.packets, total.rx_packets);
    count(columns.bytes, total.rx_bytes);
    const std::string none = units == Units::kRaw ? "-" : "-  ";
    const double pps = rates.moment.of(action);
    right(columns.pps, rates.moment.known ? rate_text(pps, units, columns.pps.width) : none, !(pps > 0));
    const auto bps = action == kAllActions && rates.moment.known ? std::optional(rates.moment.bps)
                     : action == kAllActions                     ? std::nullopt
                                                                 : rates.bps.at(action);
    const double bandwidth = in_units(bps.value_or(0), units);
    right(columns.bps, bps ? rate_text(bandwidth, units, columns.bps.width) : none, !(bandwidth > 0));
    const double share = drop_share(pps, rates.moment.total());
    right(columns.share, rates.moment.known ? percent_text(share) : "-", !(share > 0));
    const double frame = mean_frame(rates, total, action);
    right(columns.frame, frame > 0 ? frame_text(frame) : "-", !(frame > 0));
}

}  // namespace

std::string tracked_since(const ScreenSource& source) {
    const DeliveryReport& delivery = source.report.delivery;
    const bool complete = source.zero
                              ? delivery.session_complete || source.zero->tracked_since == delivery.since
                              : choose(source.totals, delivery.complete, true, delivery.session_complete);
    if (complete) {  // of the lifetime nothing else is known
        return {};
    }
    fmt::memory_buffer text;
    append_time(text, delivery.since);
    return "since " + fmt::to_string(text);
}

int verdict_table_lines(const ScreenSource& source, const LiveChoice& choice, int width) {
    std::size_t lines = 2;  // titles and total
    for (const std::size_t action : actions_to_show(source, choice.all_actions)) {
        lines += 1 + loss_lines(source, action, width).size();
    }
    return static_cast<int>(lines);
}

void draw_verdict_table(Canvas& canvas, const Rect& rect, const ScreenSource& source,
                        const LiveChoice& choice, double step) {
    if (rect.height < 1) {
        return;
    }
    const TableColumns columns = lay_out_table(rect, choice.units);
    const ShownRates rates = rates_shown(source, choice, step);
    auto actions = actions_to_show(source, choice.all_actions);
    actions.push_back(kAllActions);
    int y = rect.y;
    write_titles(canvas, y++, columns, choice.units);
    for (const std::size_t action : actions) {
        if (y >= rect.bottom()) {
            return;
        }
        write_line(canvas, y++, columns, source, rates, action, choice.units);
        if (action == kAllActions) {
            return;
        }
        for (const std::string& line : loss_lines(source, action, rect.width)) {
            if (y < rect.bottom()) {
                canvas.write(rect.x + kIndent, y++, line, {}, rect.right());
            }
        }
    }
}

void draw_legend(Canvas& canvas, const Rect& rect, const ScreenSource& source, const LiveChoice& choice,
                 double step) {
    constexpr int kRateEnd = kName + kScaledColumns + 2;
    const ShownRates rates = rates_shown(source, choice, step);
    auto actions = actions_to_show(source, choice.all_actions);
    actions.push_back(kAllActions);
    int y = rect.y;
    for (const std::size_t action : actions) {
        if (y >= rect.bottom()) {
            return;
        }
        write_name(canvas, rect.x, y, action, rect.right());
        if (rates.moment.known) {
            const double pps = rates.moment.of(action);
            const Style style = !(pps > 0) ? kFaint : action == kAllActions ? kBold : Style();
            canvas.write_right(rect.x + kRateEnd, y, scaled(pps), style);
            if (action == kAllActions) {
                canvas.write(rect.x + kRateEnd + 1, y, "pkt/s", kFaint, rect.right());
            } else {
                canvas.write_right(rect.right(), y, percent_text(drop_share(pps, rates.moment.total())),
                                   style);
            }
        }
        ++y;
    }
    if (rates.moment.known && y + 1 < rect.bottom()) {
        canvas.write(rect.x + 2, y, bandwidth_text(rates.moment.bps, choice.units), {}, rect.right());
        const double frame = mean_frame(rates, {}, kAllActions);
        if (frame > 0) {
            canvas.write(rect.x + 2, y + 1, frame_text(frame) + " a frame", {}, rect.right());
        }
    }
}

void draw_legend_line(Canvas& canvas, const Rect& rect, const ScreenSource& source, const LiveChoice& choice,
                      double step) {
    const ShownRates rates = rates_shown(source, choice, step);
    int x = rect.x;
    for (const std::size_t action : actions_to_show(source, choice.all_actions)) {
        std::string text(kShortActionNames.at(action));
        if (rates.moment.known) {
            text += ' ' + compact(rates.moment.of(action), "pkt/s") + ", " +
                    percent_text(drop_share(rates.moment.of(action), rates.moment.total()));
        }
        const int width = canvas.width_of(text) + 2;
        if (x + width > rect.right()) {
            return;
        }
        x = write_with_letter(canvas, x, rect.y, action, text, rect.right()) + 3;
    }
}

}  // namespace tally::stats
