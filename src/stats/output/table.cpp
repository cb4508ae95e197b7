// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <algorithm>

#include "common/base/printable.h"
#include "common/pins/abi_names.h"
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
    if (report.since_start) {
        fmt::format_to(to, ", totals since start");
    }
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
    TableFormat(Detail detail, bool terminal)
        : detail_(detail), per_cpu_(detail == Detail::kPerCpu), terminal_(terminal) {}

    void append(fmt::memory_buffer& buffer, const SampleReport& report) override {
        const bool rates = report.period > 0;
        const Widths widths = measure(report, rates);
        if (!first_) {
            buffer.push_back('\n');
        }
        first_ = false;
        append_head(buffer, report, terminal_);
        if (detail_ == Detail::kPerProgram) {
            append_programs(buffer, widths, report, rates);
        }
        append_titles(buffer, widths);
        for (std::size_t action = 0; action < report.actions.size(); ++action) {
            append_row(buffer, widths, kActionNames[action], nullptr, report.actions[action], rates);
            if (per_cpu_) {
                append_cpus(buffer, widths, report, action, rates);
            }
        }
        append_row(buffer, widths, "total", nullptr, report.total, rates);
        if (report.cost) {
            append_cost(buffer, *report.cost);
        }
    }

    void start_anew() override { first_ = true; }

  private:
    // "cost: 23.4 ns a run, 0.12 % of a CPU"
    void append_cost(fmt::memory_buffer& buffer, const ProgramCost& cost) const {
        constexpr double kPercent = 100;
        const auto to = fmt::appender(buffer);
        fmt::format_to(to, "{}cost: ", indent());
        if (cost.cpu) {
            fmt::format_to(to, "{}, {:.3f} % of a CPU{}",
                           cost.ns_per_run ? fmt::format("{:.1f} ns a run", *cost.ns_per_run) : "no runs",
                           *cost.cpu * kPercent, cost.note.empty() ? "" : ", ");
        } else if (cost.note.empty()) {
            fmt::format_to(to, "not known yet");
        }
        fmt::format_to(to, "{}\n", printable(cost.note));
    }

    // Each program in the order they run, then the title of the final verdicts.
    void append_programs(fmt::memory_buffer& buffer, const Widths& widths, const SampleReport& report,
                         bool rates) const {
        for (const ProgramValues& program : report.programs) {
            fmt::format_to(fmt::appender(buffer), "{}program {} (id {}):\n", indent(), program.name,
                           program.id);
            append_titles(buffer, widths);
            for (std::size_t action = 0; action < program.actions.size(); ++action) {
                append_row(buffer, widths, kActionNames[action], nullptr, program.actions[action], rates);
            }
            append_row(buffer, widths, "total", nullptr, program.total, rates);
        }
        fmt::format_to(fmt::appender(buffer), "{}final verdict:\n", indent());
    }

    Widths measure(const SampleReport& report, bool rates) const {
        Widths widths;
        if (terminal_) {
            // 999 million packets and 999 GB fit, with --per-cpu into 80 columns, too.
            widths = {11, kScaledWidth + 5, 15, kScaledWidth + 5};
        } else {
            widths = {7, 9, 5, 6};
        }
        const auto fit = [&](const CounterValues& values) {
            const Counter& count = values.count;
            if (terminal_) {
                widths.packets = std::max(widths.packets, grouped_width(count.rx_packets));
                widths.bytes = std::max(widths.bytes, grouped_width(count.rx_bytes));
                return;
            }
            widths.packets = std::max(widths.packets, digits(count.rx_packets));
            widths.bytes = std::max(widths.bytes, digits(count.rx_bytes));
            if (rates) {
                widths.pps = std::max(widths.pps, decimal_width(values.rate.pps));
                widths.bps = std::max(widths.bps, decimal_width(values.rate.bps));
            }
        };
        // No number of a CPU is larger than these.
        std::for_each(report.actions.begin(), report.actions.end(), fit);
        fit(report.total);
        for (const ProgramValues& program : report.programs) {
            std::for_each(program.actions.begin(), program.actions.end(), fit);
            fit(program.total);
        }
        return widths;
    }

    void append_titles(fmt::memory_buffer& buffer, const Widths& widths) const {
        const auto to = fmt::appender(buffer);
        fmt::format_to(to, "{}{:<{}}", indent(), "action", kActionWidth);
        if (per_cpu_) {
            fmt::format_to(to, "  {:>{}}", "cpu", kCpuWidth);
        }
        fmt::format_to(to, "  {:>{}}  {:>{}}  {:>{}}  {:>{}}\n", "packets", widths.packets, "packets/s",
                       widths.pps, "bytes", widths.bytes, "bits/s", widths.bps);
    }

    void append_cpus(fmt::memory_buffer& buffer, const Widths& widths, const SampleReport& report,
                     std::size_t action, bool rates) const {
        for (const CpuValues& cpu : report.cpus) {
            const CounterValues& values = cpu.actions[action];
            if (values.count.rx_packets != 0 || values.count.rx_bytes != 0) {
                append_row(buffer, widths, kActionNames[action], &cpu, values, rates);
            }
        }
    }

    void append_row(fmt::memory_buffer& buffer, const Widths& widths, std::string_view action,
                    const CpuValues* cpu, const CounterValues& values, bool rates) const {
        const auto to = fmt::appender(buffer);
        fmt::format_to(to, "{}{:<{}}", indent(), action, kActionWidth);
        if (cpu != nullptr) {
            fmt::format_to(to, "  {:>{}}", cpu->cpu, kCpuWidth);
        } else if (per_cpu_) {
            fmt::format_to(to, "  {:>{}}", "all", kCpuWidth);
        }
        append_number(buffer, values.count.rx_packets, widths.packets);
        append_rate(buffer, values.rate.pps, kPacketUnit, widths.pps, rates);
        append_number(buffer, values.count.rx_bytes, widths.bytes);
        append_rate(buffer, values.rate.bps, kBitUnit, widths.bps, rates);
        buffer.push_back('\n');
    }

    void append_number(fmt::memory_buffer& buffer, std::uint64_t value, unsigned width) const {
        fmt::format_to(fmt::appender(buffer), "  ");
        if (terminal_) {
            append_grouped(buffer, value, width);
        } else {
            fmt::format_to(fmt::appender(buffer), "{:>{}}", value, width);
        }
    }

    void append_rate(fmt::memory_buffer& buffer, double value, std::string_view unit, unsigned width,
                     bool known) const {
        if (!known) {
            fmt::format_to(fmt::appender(buffer), "  {:>{}}", "-", width);
        } else if (terminal_) {
            fmt::format_to(fmt::appender(buffer), "  ");
            append_scaled(buffer, value, unit);
        } else {
            fmt::format_to(fmt::appender(buffer), "  {:>{}.1f}", value, width);
        }
    }

    // On a terminal the rows are indented below the first line; elsewhere they begin with the action, for
    // awk.
    std::string_view indent() const { return terminal_ ? "  " : ""; }

    Detail detail_;
    bool per_cpu_;
    bool terminal_;
    bool first_ = true;
};

}  // namespace

std::unique_ptr<SampleFormat> make_table_format(Detail detail, bool terminal) {
    return std::make_unique<TableFormat>(detail, terminal);
}

}  // namespace tally::stats
