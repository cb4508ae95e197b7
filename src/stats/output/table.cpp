// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <algorithm>
#include <optional>

#include "common/base/printable.h"
#include "common/pins/abi_names.h"
#include "stats/model/loss_reasons.h"
#include "stats/output/format.h"
#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

constexpr std::string_view kPacketUnit = "pkt/s";
constexpr std::string_view kBitUnit = "bit/s";
constexpr unsigned kActionWidth = 12;  // "XDP_REDIRECT"
constexpr unsigned kCpuWidth = 4;

// Of the columns of one sample, so that numbers of any size are aligned.
struct Widths {
    unsigned packets = 0;
    unsigned pps = 0;
    unsigned bytes = 0;
    unsigned bps = 0;
};

unsigned decimal_width(double value) {
    return static_cast<unsigned>(fmt::formatted_size("{:.1f}", value));
}

struct Row {
    std::string_view action;
    const CpuValues* cpu = nullptr;
    std::optional<Counter> count;
    std::optional<Rate> rate;
};

// A row of a reading; what is not known is left out.
Row row_of(const SampleReport& report, std::string_view action, const CounterValues& values,
           const CpuValues* cpu = nullptr) {
    return {action, cpu, report.count_known ? std::optional(values.count) : std::nullopt,
            report.period > 0 ? std::optional(values.rate) : std::nullopt};
}

// "veth0: attached, map 32, generation 1, period 2.000 s" and the program, for people on a line of its own.
void append_head(fmt::memory_buffer& buffer, const SampleReport& report, bool terminal) {
    const auto to = fmt::appender(buffer);
    fmt::format_to(to, "{}: {}, map {}", report.title, state_name(report.state), report.map_id);
    if (report.runs_on) {
        fmt::format_to(to, ", runs on {}", printable(*report.runs_on));
    }
    if (report.program) {
        fmt::format_to(to, ", generation {}", report.program->generation);
    }
    fmt::format_to(to, ", {} totals", totals_name(report.totals));
    if (report.period > 0) {
        fmt::format_to(to, ", period {:.{}f} s", report.period, terminal ? 3 : 6);
    }
    if (report.program) {
        const bool over = report.state == AttachState::kDetached || report.state == AttachState::kStale;
        fmt::format_to(to, "{}{}{} (id {}), {} mode, by {}", terminal ? "\n  " : ", ",
                       over ? "last attached: " : "", report.program->name, report.program->id,
                       report.program->mode, report.program->attach);
    }
    buffer.push_back('\n');
}

// A table for people; where stdout is not a terminal, plain numbers in columns for awk.
class TableFormat final : public SampleFormat {
  public:
    TableFormat(Detail detail, bool terminal) : detail_(detail), terminal_(terminal) {}

    void append(fmt::memory_buffer& buffer, const SampleReport& report) override {
        const Widths widths = measure(report);
        if (!first_) {
            buffer.push_back('\n');
        }
        first_ = false;
        append_head(buffer, report, terminal_);
        if (detail_ == Detail::kPerProgram) {
            append_programs(buffer, widths, report);
        }
        append_titles(buffer, widths);
        for (std::size_t action = 0; action < report.actions.size(); ++action) {
            append_row(buffer, widths, row_of(report, kActionNames[action], report.actions[action]));
            append_fate(buffer, report, action);
            if (detail_ == Detail::kPerCpu) {
                append_cpus(buffer, widths, report, action);
            }
        }
        append_row(buffer, widths, row_of(report, "total", report.total));
        if (differs_from_lifetime(report)) {
            append_row(buffer, widths, {"lifetime", nullptr, report.total.lifetime, std::nullopt});
        }
        if (report.cost) {
            append_cost(buffer, *report.cost);
        }
    }

    void start_anew() override { first_ = true; }

  private:
    // Below a verdict: "delivered 200", "lost 1,000: target is down (ENETDOWN)".
    void append_fate(fmt::memory_buffer& buffer, const SampleReport& report, std::size_t action) const {
        const DeliveryReport& delivery = report.delivery;
        const auto to = fmt::appender(buffer);
        if (const std::string& why = why_unknown(report, action); !why.empty()) {
            fmt::format_to(to, "{}  delivered: not known: {}\n", indent(), why);
        }
        const auto& fate = delivery.count[action];
        if (!fate || fate->delivered + fate->lost == 0) {
            return;
        }
        const std::string since = delivery.complete ? std::string() : tracked_since(delivery);
        if (action != static_cast<std::size_t>(Action::kAborted)) {
            fmt::format_to(to, "{}  delivered {}{}\n", indent(), packets_text(fate->delivered), since);
        }
        for (const Loss& loss : fate->losses) {
            fmt::format_to(to, "{}  lost {}{}: {}\n", indent(), packets_text(loss.packets), since,
                           loss_text(action, loss.reason));
        }
    }

    // " since 2026-01-31T12:00:00.123Z", where that is later than what the packets count from.
    static std::string tracked_since(const DeliveryReport& delivery) {
        fmt::memory_buffer time;
        append_time(time, delivery.since);
        return " since " + fmt::to_string(time);
    }

    std::string packets_text(std::uint64_t packets) const {
        fmt::memory_buffer text;
        append_count(text, packets, 0, terminal_);
        return fmt::to_string(text);
    }

    // "cost: 23.4 ns a run, 0.12 % of a CPU"
    void append_cost(fmt::memory_buffer& buffer, const ProgramCost& cost) const {
        fmt::format_to(fmt::appender(buffer), "{}cost: {}\n", indent(), printable(cost_text(cost)));
    }

    // Each program in the order they run, then the title of the final verdicts.
    void append_programs(fmt::memory_buffer& buffer, const Widths& widths, const SampleReport& report) const {
        for (const ProgramValues& program : report.programs) {
            fmt::format_to(fmt::appender(buffer), "{}program {} (id {}):\n", indent(), program.name,
                           program.id);
            append_titles(buffer, widths);
            for (std::size_t action = 0; action < program.actions.size(); ++action) {
                append_row(buffer, widths, row_of(report, kActionNames[action], program.actions[action]));
            }
            append_row(buffer, widths, row_of(report, "total", program.total));
        }
        fmt::format_to(fmt::appender(buffer), "{}final verdict:\n", indent());
    }

    Widths measure(const SampleReport& report) const {
        Widths widths;
        if (terminal_) {
            // 999 million packets and 999 GB fit, with --per-cpu into 80 columns, too.
            widths = {11, kScaledWidth + 5, 15, kScaledWidth + 5};
        } else {
            widths = {7, 9, 5, 6};
        }
        const auto fit_count = [&](const Counter& count) {
            widths.packets = std::max(widths.packets, count_width(count.rx_packets, terminal_));
            widths.bytes = std::max(widths.bytes, count_width(count.rx_bytes, terminal_));
        };
        const auto fit = [&](const CounterValues& values) {
            fit_count(values.count);
            if (!terminal_ && report.period > 0) {
                widths.pps = std::max(widths.pps, decimal_width(values.rate.pps));
                widths.bps = std::max(widths.bps, decimal_width(values.rate.bps));
            }
        };
        // No number of a CPU is larger than these.
        std::for_each(report.actions.begin(), report.actions.end(), fit);
        fit(report.total);
        if (differs_from_lifetime(report)) {
            fit_count(*report.total.lifetime);
        }
        for (const ProgramValues& program : report.programs) {
            std::for_each(program.actions.begin(), program.actions.end(), fit);
            fit(program.total);
        }
        return widths;
    }

    void append_titles(fmt::memory_buffer& buffer, const Widths& widths) const {
        const auto to = fmt::appender(buffer);
        fmt::format_to(to, "{}{:<{}}", indent(), "action", kActionWidth);
        if (detail_ == Detail::kPerCpu) {
            fmt::format_to(to, "  {:>{}}", "cpu", kCpuWidth);
        }
        fmt::format_to(to, "  {:>{}}  {:>{}}  {:>{}}  {:>{}}\n", "packets", widths.packets, "packets/s",
                       widths.pps, "bytes", widths.bytes, "bits/s", widths.bps);
    }

    void append_cpus(fmt::memory_buffer& buffer, const Widths& widths, const SampleReport& report,
                     std::size_t action) const {
        for (const CpuValues& cpu : report.cpus) {
            const CounterValues& values = cpu.actions[action];
            if (values.count.rx_packets != 0 || values.count.rx_bytes != 0) {
                append_row(buffer, widths, row_of(report, kActionNames[action], values, &cpu));
            }
        }
    }

    void append_row(fmt::memory_buffer& buffer, const Widths& widths, const Row& row) const {
        const auto to = fmt::appender(buffer);
        fmt::format_to(to, "{}{:<{}}", indent(), row.action, kActionWidth);
        if (row.cpu != nullptr) {
            fmt::format_to(to, "  {:>{}}", row.cpu->cpu, kCpuWidth);
        } else if (detail_ == Detail::kPerCpu) {
            fmt::format_to(to, "  {:>{}}", "all", kCpuWidth);
        }
        append_number(buffer, row.count ? std::optional(row.count->rx_packets) : std::nullopt,
                      widths.packets);
        append_rate(buffer, row.rate ? std::optional(row.rate->pps) : std::nullopt, kPacketUnit, widths.pps);
        append_number(buffer, row.count ? std::optional(row.count->rx_bytes) : std::nullopt, widths.bytes);
        append_rate(buffer, row.rate ? std::optional(row.rate->bps) : std::nullopt, kBitUnit, widths.bps);
        buffer.push_back('\n');
    }

    void append_number(fmt::memory_buffer& buffer, std::optional<std::uint64_t> value, unsigned width) const {
        if (!value) {
            append_unknown(buffer, width);
        } else {
            fmt::format_to(fmt::appender(buffer), "  ");
            append_count(buffer, *value, width, terminal_);
        }
    }

    void append_rate(fmt::memory_buffer& buffer, std::optional<double> value, std::string_view unit,
                     unsigned width) const {
        if (!value) {
            append_unknown(buffer, width);
        } else if (terminal_) {
            fmt::format_to(fmt::appender(buffer), "  ");
            append_scaled(buffer, *value, unit);
        } else {
            fmt::format_to(fmt::appender(buffer), "  {:>{}.1f}", *value, width);
        }
    }

    static void append_unknown(fmt::memory_buffer& buffer, unsigned width) {
        fmt::format_to(fmt::appender(buffer), "  {:>{}}", "-", width);
    }

    // On a terminal the rows are indented below the first line; elsewhere they begin with the action, for
    // awk.
    std::string_view indent() const { return terminal_ ? "  " : ""; }

    Detail detail_;
    bool terminal_;
    bool first_ = true;
};

}  // namespace

std::unique_ptr<SampleFormat> make_table_format(Detail detail, bool terminal) {
    return std::make_unique<TableFormat>(detail, terminal);
}

}  // namespace tally::stats
