#include <functional>
#include <map>

#include "stats/numbers.h"
#include "stats/output.h"

namespace tally::stats {
namespace {

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
class CsvOutput final : public Output {
  public:
    explicit CsvOutput(Detail detail) : detail_(detail) {}

    void append(fmt::memory_buffer& buffer, const Block& block) override {
        if (!header_written_) {
            fmt::format_to(fmt::appender(buffer),
                           "time,dev,netns,map_id,generation,state,period,action,{}packets,bytes,pps,bps,"
                           "session_packets,session_bytes\n",
                           detail_column());
            header_written_ = true;
        }
        append_start(block);
        if (detail_ == Detail::kPerProgram) {
            append_programs(buffer, block);
        }
        for (std::size_t action = 0; action < block.actions.size(); ++action) {
            append_row(buffer, block, kActionNames[action], "all", block.actions[action], true);
            if (detail_ == Detail::kPerCpu) {
                append_cpus(buffer, block, action);
            }
        }
        append_row(buffer, block, "total", "all", block.total, true);
    }

    void start_anew() override { header_written_ = false; }

  private:
    // The fields that all lines of a record begin with.
    void append_start(const Block& block) {
        start_.clear();
        append_time(start_, block.time);
        fmt::format_to(fmt::appender(start_), ",{},{},{},", name_field(block.device), name_field(block.netns),
                       block.map_id);
        if (block.feeder) {
            fmt::format_to(fmt::appender(start_), "{}", block.feeder->generation);
        }
        fmt::format_to(fmt::appender(start_), ",{},", state_name(block.state));
        append_decimal(start_, block.period, kPeriodDecimals);
    }

    std::string_view name_field(const std::optional<std::string>& name) { return name ? field(*name) : ""; }

    std::string_view field(const std::string& name) {
        auto known = fields_.find(name);
        if (known == fields_.end()) {
            known = fields_.emplace(name, quoted_field(name)).first;
        }
        return known->second;
    }

    void append_cpus(fmt::memory_buffer& buffer, const Block& block, std::size_t action) {
        for (const CpuFigures& cpu : block.cpus) {
            const Figures& figures = cpu.actions[action];
            if (figures.count.rx_packets != 0 || figures.count.rx_bytes != 0) {
                append_row(buffer, block, kActionNames[action], fmt::format_int(cpu.cpu).c_str(), figures,
                           false);
            }
        }
    }

    void append_programs(fmt::memory_buffer& buffer, const Block& block) {
        for (const ProgramFigures& program : block.programs) {
            const std::string_view part = field(program.label);
            for (std::size_t action = 0; action < program.actions.size(); ++action) {
                append_row(buffer, block, kActionNames[action], part, program.actions[action], true);
            }
            append_row(buffer, block, "total", part, program.total, true);
        }
    }

    std::string_view detail_column() const {
        switch (detail_) {
            case Detail::kPerCpu:
                return "cpu,";
            case Detail::kPerProgram:
                return "program,";
            case Detail::kNone:
                break;
        }
        return "";
    }

    // `part`: which CPU or program the row is about, or all of them. A CPU's session total is not known.
    void append_row(fmt::memory_buffer& buffer, const Block& block, std::string_view action,
                    std::string_view part, const Figures& figures, bool session) {
        buffer.append(start_.data(), start_.data() + start_.size());
        fmt::format_to(fmt::appender(buffer), ",{},", action);
        if (detail_ != Detail::kNone) {
            fmt::format_to(fmt::appender(buffer), "{},", part);
        }
        fmt::format_to(fmt::appender(buffer), "{},{},", figures.count.rx_packets, figures.count.rx_bytes);
        if (block.period > 0) {
            append_decimal(buffer, figures.rate.pps, kRateDecimals);
            buffer.push_back(',');
            append_decimal(buffer, figures.rate.bps, kRateDecimals);
        } else {
            buffer.push_back(',');
        }
        if (session) {
            fmt::format_to(fmt::appender(buffer), ",{},{}\n", figures.session.rx_packets,
                           figures.session.rx_bytes);
        } else {
            fmt::format_to(fmt::appender(buffer), ",,\n");
        }
    }

    Detail detail_;
    bool header_written_ = false;
    fmt::memory_buffer start_;
    std::map<std::string, std::string, std::less<>> fields_;  // name -> CSV field
};

}  // namespace

std::unique_ptr<Output> make_csv_output(Detail detail) {
    return std::make_unique<CsvOutput>(detail);
}

}  // namespace tally::stats
