// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <functional>
#include <map>

#include "common/pins/abi_names.h"
#include "stats/model/loss_reasons.h"
#include "stats/output/format.h"
#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

constexpr std::string_view kTotal = "total";
constexpr std::string_view kWhole = "all";  // CPUs, or programs

std::string quoted_field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
        return std::string(text);
    }
    std::string field = "\"";
    for (const char c : text) {
        field += c;
        if (c == '"') {
            field += '"';
        }
    }
    return field + '"';
}

// RFC 4180 without its carriage returns: a header, then one line per action and one for their total; with
// --per-cpu also one per action and CPU, with --per-program the same lines before them for each program.
class CsvFormat final : public SampleFormat {
  public:
    explicit CsvFormat(Detail detail) : detail_(detail) {}

    void append(fmt::memory_buffer& buffer, const SampleReport& report) override {
        if (!header_written_) {
            fmt::format_to(fmt::appender(buffer),
                           "time,dev,netns,map_id,generation,state,period,action,{}packets,bytes,pps,bps,"
                           "session_packets,session_bytes,runs_on,lifetime_packets,lifetime_bytes,totals,"
                           "delivered,lost,lost_reasons{}\n",
                           detail_column(), report.cost ? ",ns_per_run,cpu_share" : "");
            header_written_ = true;
        }
        if (fields_.size() > kMostNames) {
            fields_.clear();
        }
        append_start(report);
        if (detail_ == Detail::kPerProgram) {
            append_programs(buffer, report);
        }
        for (std::size_t action = 0; action < report.actions.size(); ++action) {
            append_row(buffer, report, kActionNames[action], kWhole, report.actions[action], true,
                       report.delivery.count[action]);
            if (detail_ == Detail::kPerCpu) {
                append_cpus(buffer, report, action);
            }
        }
        append_row(buffer, report, kTotal, kWhole, report.total, true, sum_of_fates(report.delivery.count));
    }

    void start_anew() override { header_written_ = false; }

  private:
    // The fields that all lines of a sample begin with.
    void append_start(const SampleReport& report) {
        start_.clear();
        append_time(start_, report.time);
        fmt::format_to(fmt::appender(start_), ",{},{},{},", name_field(report.device),
                       name_field(report.netns), report.map_id);
        if (report.program) {
            fmt::format_to(fmt::appender(start_), "{}", report.program->generation);
        }
        fmt::format_to(fmt::appender(start_), ",{},", state_name(report.state));
        append_decimal(start_, report.period, kPeriodDecimals);
    }

    std::string_view name_field(const std::optional<std::string>& name) { return name ? field(*name) : ""; }

    std::string_view field(const std::string& name) {
        auto known = fields_.find(name);
        if (known == fields_.end()) {
            known = fields_.emplace(name, quoted_field(name)).first;
        }
        return known->second;
    }

    void append_cpus(fmt::memory_buffer& buffer, const SampleReport& report, std::size_t action) {
        for (const CpuValues& cpu : report.cpus) {
            const CounterValues& values = cpu.actions[action];
            if (values.count.rx_packets != 0 || values.count.rx_bytes != 0) {
                append_row(buffer, report, kActionNames[action], fmt::format_int(cpu.cpu).c_str(), values,
                           false);
            }
        }
    }

    void append_programs(fmt::memory_buffer& buffer, const SampleReport& report) {
        for (const ProgramValues& program : report.programs) {
            const std::string_view part = field(program.label);
            for (std::size_t action = 0; action < program.actions.size(); ++action) {
                append_row(buffer, report, kActionNames[action], part, program.actions[action], true);
            }
            append_row(buffer, report, kTotal, part, program.total, true);
        }
    }

    std::string_view detail_column() const {
        return detail_ == Detail::kNone ? "" : detail_ == Detail::kPerCpu ? "cpu," : "program,";
    }

    // `part`: the CPU or program of the row, or "all". A CPU's row has the totals of the map or the session
    // alone.
    void append_row(fmt::memory_buffer& buffer, const SampleReport& report, std::string_view action,
                    std::string_view part, const CounterValues& values, bool session,
                    const std::optional<Fate>& fate = std::nullopt) {
        buffer.append(start_.data(), start_.data() + start_.size());
        fmt::format_to(fmt::appender(buffer), ",{},", action);
        if (detail_ != Detail::kNone) {
            fmt::format_to(fmt::appender(buffer), "{},", part);
        }
        append_counter(buffer, report.count_known ? std::optional(values.count) : std::nullopt);
        buffer.push_back(',');
        if (report.period > 0) {
            append_decimal(buffer, values.rate.pps, kRateDecimals);
            buffer.push_back(',');
            append_decimal(buffer, values.rate.bps, kRateDecimals);
        } else {
            buffer.push_back(',');
        }
        buffer.push_back(',');
        append_counter(buffer, session ? std::optional(values.session) : std::nullopt);
        fmt::format_to(fmt::appender(buffer), ",{},", name_field(report.runs_on));
        append_counter(buffer, values.lifetime);
        fmt::format_to(fmt::appender(buffer), ",{},", totals_name(report.totals));
        append_fate(buffer, fate);
        if (report.cost) {
            const bool whole = action == kTotal && part == kWhole;
            append_optional(buffer, whole ? report.cost->ns_per_run : std::nullopt, kRateDecimals);
            append_optional(buffer, whole ? report.cost->cpu : std::nullopt, kShareDecimals);
        }
        buffer.push_back('\n');
    }

    static void append_counter(fmt::memory_buffer& buffer, const std::optional<Counter>& counter) {
        if (counter) {
            fmt::format_to(fmt::appender(buffer), "{},{}", counter->rx_packets, counter->rx_bytes);
        } else {
            buffer.push_back(',');
        }
    }

    // "200,1003,ENETDOWN=1000;ENXIO=3"
    static void append_fate(fmt::memory_buffer& buffer, const std::optional<Fate>& fate) {
        const auto to = fmt::appender(buffer);
        if (!fate) {
            fmt::format_to(to, ",,");
            return;
        }
        fmt::format_to(to, "{},{},", fate->delivered, fate->lost);
        for (const Loss& loss : fate->losses) {
            fmt::format_to(to, "{}{}={}", &loss == fate->losses.data() ? "" : ";", loss_name(loss.reason),
                           loss.packets);
        }
    }

    static void append_optional(fmt::memory_buffer& buffer, std::optional<double> value, int decimals) {
        buffer.push_back(',');
        if (value) {
            append_decimal(buffer, *value, decimals);
        }
    }

    Detail detail_;
    bool header_written_ = false;
    fmt::memory_buffer start_;
    std::map<std::string, std::string, std::less<>> fields_;  // name -> CSV field
};

}  // namespace

std::unique_ptr<SampleFormat> make_csv_format(Detail detail) {
    return std::make_unique<CsvFormat>(detail);
}

}  // namespace tally::stats
