// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/printable.h"
#include "common/pins/abi_names.h"
#include "stats/output/format.h"
#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

constexpr std::string_view kBriefGap = "  ";
constexpr std::string_view kDeviceTitle = "device";
constexpr std::string_view kLostTitle = "lost";
constexpr std::array<std::string_view, 2> kRateTitles = {"packets/s", "bits/s"};
constexpr std::string_view kStateTitle = "state";

// What a round shows of a source.
struct BriefRow {
    std::string title;
    std::array<std::uint64_t, kActions> packets = {};
    std::optional<std::uint64_t> lost;  // of all verdicts; none: not known
    std::array<double, kRateTitles.size()> rates = {};
    bool readable = false;
    bool has_counts = false;
    bool has_rates = false;
    AttachState state = AttachState::kUnknown;
    std::string runs_on;          // empty: on the device of its title
    std::int64_t lost_since = 0;  // 0: what the packets count from; else nanoseconds since 1970 UTC
};

// Of the columns of a round.
struct BriefWidths {
    std::size_t title = 0;
    std::array<unsigned, kActions> packets = {};
    unsigned lost = 0;
    std::array<unsigned, kRateTitles.size()> rates = {};
};

// A line for each source and round. For people digits are grouped and rates scaled; where stdout is not a
// terminal, the numbers are plain.
class BriefFormat final : public SampleFormat {
  public:
    explicit BriefFormat(bool terminal) : terminal_(terminal) {}

    // Who waits for its pin has a line, too: a device that is missing in a list would not be noticed.
    bool takes_unreadable() const override { return true; }

    void append(fmt::memory_buffer& /*buffer*/, const SampleReport& report) override {
        if (used_ == rows_.size()) {
            rows_.emplace_back();
        }
        BriefRow& row = rows_[used_++];
        row.title = report.title;
        for (std::size_t action = 0; action < row.packets.size(); ++action) {
            row.packets[action] = report.actions[action].count.rx_packets;
        }
        row.lost = lost_of(report.delivery.count);
        row.rates = {report.total.rate.pps, report.total.rate.bps};
        row.readable = report.readable;
        row.has_counts = report.readable && report.count_known;
        row.has_rates = report.readable && report.period > 0;
        row.state = report.state;
        row.runs_on = report.runs_on ? *report.runs_on : "";
        row.lost_since = row.lost && !report.delivery.complete ? report.delivery.since : 0;
    }

    void append_round(fmt::memory_buffer& buffer) override {
        const auto end = rows_.begin() + static_cast<std::ptrdiff_t>(std::exchange(used_, 0));
        if (std::none_of(rows_.begin(), end, [](const BriefRow& row) { return row.readable; })) {
            return;
        }
        if (!first_) {
            buffer.push_back('\n');
        }
        first_ = false;
        BriefWidths widths = title_widths();
        std::for_each(rows_.begin(), end, [&](const BriefRow& row) { fit(widths, row); });
        append_titles(buffer, widths);
        std::for_each(rows_.begin(), end, [&](const BriefRow& row) { append_row(buffer, widths, row); });
    }

    void start_anew() override { first_ = true; }

  private:
    static std::optional<std::uint64_t> lost_of(const Fates& fates) {
        const auto all = sum_of_fates(fates);
        return all ? std::optional(all->lost) : std::nullopt;
    }

    BriefWidths title_widths() const {
        BriefWidths widths;
        widths.title = kDeviceTitle.size();
        for (std::size_t action = 0; action < widths.packets.size(); ++action) {
            widths.packets[action] = static_cast<unsigned>(kShortActionNames[action].size());
        }
        widths.lost = static_cast<unsigned>(kLostTitle.size());
        for (std::size_t rate = 0; rate < widths.rates.size(); ++rate) {
            const auto title = static_cast<unsigned>(kRateTitles[rate].size());
            widths.rates[rate] = terminal_ ? std::max(title, kScaledWidth) : title;
        }
        return widths;
    }

    void fit(BriefWidths& widths, const BriefRow& row) const {
        widths.title = std::max(widths.title, display_width(row.title));
        for (std::size_t action = 0; row.has_counts && action < row.packets.size(); ++action) {
            widths.packets[action] = std::max(widths.packets[action], width_of(row.packets[action]));
        }
        if (row.readable && row.lost) {
            widths.lost = std::max(widths.lost, width_of(*row.lost));
        }
        for (std::size_t rate = 0; row.has_rates && !terminal_ && rate < row.rates.size(); ++rate) {
            const auto width = static_cast<unsigned>(fmt::formatted_size("{:.1f}", row.rates[rate]));
            widths.rates[rate] = std::max(widths.rates[rate], width);
        }
    }

    unsigned width_of(std::uint64_t packets) const { return count_width(packets, terminal_); }

    static void append_titles(fmt::memory_buffer& buffer, const BriefWidths& widths) {
        append_name(buffer, kDeviceTitle, widths);
        for (std::size_t action = 0; action < widths.packets.size(); ++action) {
            append_right(buffer, kShortActionNames[action], widths.packets[action]);
        }
        append_right(buffer, kLostTitle, widths.lost);
        for (std::size_t rate = 0; rate < widths.rates.size(); ++rate) {
            append_right(buffer, kRateTitles[rate], widths.rates[rate]);
        }
        fmt::format_to(fmt::appender(buffer), "{}{}\n", kBriefGap, kStateTitle);
    }

    void append_row(fmt::memory_buffer& buffer, const BriefWidths& widths, const BriefRow& row) const {
        append_name(buffer, row.title, widths);
        for (std::size_t action = 0; action < row.packets.size(); ++action) {
            append_packets(buffer, row.has_counts ? std::optional(row.packets[action]) : std::nullopt,
                           widths.packets[action]);
        }
        append_packets(buffer, row.readable ? row.lost : std::nullopt, widths.lost);
        for (std::size_t rate = 0; rate < row.rates.size(); ++rate) {
            append_rate(buffer, row, rate, widths.rates[rate]);
        }
        fmt::format_to(fmt::appender(buffer), "{}{}", kBriefGap,
                       row.readable ? state_name(row.state) : "waiting");
        if (row.readable && !row.runs_on.empty()) {
            fmt::format_to(fmt::appender(buffer), ", runs on {}", printable(row.runs_on));
        }
        if (row.readable && row.lost_since != 0) {
            fmt::format_to(fmt::appender(buffer), ", lost since ");
            append_time(buffer, row.lost_since);
        }
        buffer.push_back('\n');
    }

    void append_packets(fmt::memory_buffer& buffer, std::optional<std::uint64_t> packets,
                        unsigned width) const {
        if (!packets) {
            append_right(buffer, "-", width);
        } else {
            buffer.append(kBriefGap);
            append_count(buffer, *packets, width, terminal_);
        }
    }

    void append_rate(fmt::memory_buffer& buffer, const BriefRow& row, std::size_t rate,
                     unsigned width) const {
        if (!row.has_rates) {
            append_right(buffer, "-", width);
        } else if (terminal_) {
            fmt::format_to(fmt::appender(buffer), "{}{:{}}", kBriefGap, "", width - kScaledWidth);
            append_scaled(buffer, row.rates[rate], {});
        } else {
            fmt::format_to(fmt::appender(buffer), "{}{:>{}.1f}", kBriefGap, row.rates[rate], width);
        }
    }

    static void append_name(fmt::memory_buffer& buffer, std::string_view name, const BriefWidths& widths) {
        fmt::format_to(fmt::appender(buffer), "{}{:{}}", name, "", widths.title - display_width(name));
    }

    static void append_right(fmt::memory_buffer& buffer, std::string_view text, unsigned width) {
        fmt::format_to(fmt::appender(buffer), "{}{:>{}}", kBriefGap, text, width);
    }

    bool terminal_;
    bool first_ = true;
    std::vector<BriefRow> rows_;  // their texts keep their room from round to round
    std::size_t used_ = 0;        // of them in this round
};

}  // namespace

std::unique_ptr<SampleFormat> make_brief_format(bool terminal) {
    return std::make_unique<BriefFormat>(terminal);
}

}  // namespace tally::stats
