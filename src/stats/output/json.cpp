// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <nlohmann/json.hpp>

#include <functional>
#include <map>

#include "common/pins/abi_names.h"
#include "stats/model/loss_reasons.h"
#include "stats/output/format.h"
#include "stats/output/numbers.h"

namespace tally::stats {
namespace {

// One object per line. Names and meaning of the fields are promised: fields are only ever added.
class JsonFormat final : public SampleFormat {
  public:
    explicit JsonFormat(Detail detail) : detail_(detail) {}

    void append(fmt::memory_buffer& buffer, const SampleReport& report) override {
        if (escaped_.size() > kMostNames) {
            escaped_.clear();
        }
        text(buffer, R"({"schema":1,"time":")");
        append_time(buffer, report.time);
        text(buffer, R"(","dev":)");
        append_name(buffer, report.device);
        text(buffer, R"(,"netns":)");
        append_name(buffer, report.netns);
        fmt::format_to(fmt::appender(buffer), R"(,"map_id":{},"generation":)", report.map_id);
        append_number(buffer, report.program ? std::optional(report.program->generation) : std::nullopt);
        fmt::format_to(fmt::appender(buffer), R"(,"state":"{}","runs_on":)", state_name(report.state));
        append_name(buffer, report.runs_on);
        text(buffer, R"(,"period":)");
        append_decimal(buffer, report.period, kPeriodDecimals);
        text(buffer, R"(,"cost":)");
        append_cost(buffer, report.cost);

        text(buffer, R"(,"delivery":)");
        append_delivery(buffer, report);

        const bool rates = report.period > 0;
        text(buffer, R"(,"actions":)");
        append_actions(buffer, report.actions, rates, true, &report.delivery);
        text(buffer, R"(,"total":)");
        append_values(buffer, report.total, rates, true);
        append_fates(buffer, sum_of_fates(report.delivery.count), sum_of_fates(report.delivery.session),
                     sum_of_fates(report.delivery.lifetime));
        text(buffer, "}");
        if (detail_ == Detail::kPerCpu) {
            append_cpus(buffer, report, rates);
        } else if (detail_ == Detail::kPerProgram) {
            append_programs(buffer, report, rates);
        }
        text(buffer, "}\n");
    }

  private:
    static void text(fmt::memory_buffer& buffer, std::string_view words) {
        buffer.append(words.data(), words.data() + words.size());
    }

    void append_name(fmt::memory_buffer& buffer, const std::optional<std::string>& name) {
        if (name) {
            append_string(buffer, *name);
        } else {
            text(buffer, "null");
        }
    }

    void append_string(fmt::memory_buffer& buffer, const std::string& name) {
        auto known = escaped_.find(name);
        if (known == escaped_.end()) {
            // A name is bytes; those that are not UTF-8 become U+FFFD.
            auto quoted = nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
            known = escaped_.emplace(name, std::move(quoted)).first;
        }
        text(buffer, known->second);
    }

    // Without the closing brace. `all_totals`: those of the session and the lifetime, too, which a CPU does
    // not have.
    static void append_values(fmt::memory_buffer& buffer, const CounterValues& values, bool rates,
                              bool all_totals) {
        fmt::format_to(fmt::appender(buffer), R"({{"packets":{},"bytes":{},"pps":)", values.count.rx_packets,
                       values.count.rx_bytes);
        append_optional(buffer, rates ? std::optional(values.rate.pps) : std::nullopt, kRateDecimals);
        text(buffer, R"(,"bps":)");
        append_optional(buffer, rates ? std::optional(values.rate.bps) : std::nullopt, kRateDecimals);
        if (all_totals) {
            fmt::format_to(fmt::appender(buffer), R"(,"session_packets":{},"session_bytes":{})",
                           values.session.rx_packets, values.session.rx_bytes);
            if (values.lifetime) {
                fmt::format_to(fmt::appender(buffer), R"(,"lifetime_packets":{},"lifetime_bytes":{})",
                               values.lifetime->rx_packets, values.lifetime->rx_bytes);
            } else {
                text(buffer, R"(,"lifetime_packets":null,"lifetime_bytes":null)");
            }
        }
    }

    void append_delivery(fmt::memory_buffer& buffer, const SampleReport& report) {
        const DeliveryReport& delivery = report.delivery;
        if (!delivery.tracked) {
            text(buffer, "null");
            return;
        }
        text(buffer, R"({"since":")");
        append_time(buffer, delivery.since);
        fmt::format_to(fmt::appender(buffer), R"(","complete":{},"unknown":{{)", delivery.complete);
        bool first = true;
        for (std::size_t action = 0; action < delivery.unknown.size(); ++action) {
            if (const std::string& why = why_unknown(report, action); !why.empty()) {
                fmt::format_to(fmt::appender(buffer), R"({}"{}":)", first ? "" : ",", kActionNames[action]);
                append_string(buffer, why);
                first = false;
            }
        }
        text(buffer, "}}");
    }

    static void append_fates(fmt::memory_buffer& buffer, const std::optional<Fate>& count,
                             const std::optional<Fate>& session, const std::optional<Fate>& lifetime) {
        append_fate(buffer, "", count);
        append_fate(buffer, "session_", session);
        append_fate(buffer, "lifetime_", lifetime);
    }

    static void append_fate(fmt::memory_buffer& buffer, std::string_view prefix,
                            const std::optional<Fate>& fate) {
        const auto to = fmt::appender(buffer);
        if (!fate) {
            fmt::format_to(to, R"(,"{0}delivered":null,"{0}lost":null)", prefix);
            return;
        }
        fmt::format_to(to, R"(,"{0}delivered":{1},"{0}lost":{{"packets":{2},"reasons":{{)", prefix,
                       fate->delivered, fate->lost);
        for (const Loss& loss : fate->losses) {
            fmt::format_to(to, R"({}"{}":{})", &loss == fate->losses.data() ? "" : ",",
                           loss_name(loss.reason), loss.packets);
        }
        text(buffer, "}}");
    }

    void append_cost(fmt::memory_buffer& buffer, const std::optional<ProgramCost>& cost) {
        if (!cost) {
            text(buffer, "null");
            return;
        }
        text(buffer, R"({"ns_per_run":)");
        append_optional(buffer, cost->ns_per_run, kRateDecimals);
        text(buffer, R"(,"cpu":)");
        append_optional(buffer, cost->cpu, kShareDecimals);
        text(buffer, R"(,"program":)");
        append_number(buffer, cost->program_id != 0 ? std::optional(cost->program_id) : std::nullopt);
        text(buffer, R"(,"note":)");
        if (cost->note.empty()) {
            text(buffer, "null");
        } else {
            append_string(buffer, cost->note);
        }
        text(buffer, "}");
    }

    static void append_number(fmt::memory_buffer& buffer, std::optional<std::uint64_t> value) {
        if (value) {
            fmt::format_to(fmt::appender(buffer), "{}", *value);
        } else {
            text(buffer, "null");
        }
    }

    static void append_optional(fmt::memory_buffer& buffer, std::optional<double> value, int decimals) {
        if (value) {
            append_decimal(buffer, *value, decimals);
        } else {
            text(buffer, "null");
        }
    }

    static void append_actions(fmt::memory_buffer& buffer, const ActionValues& actions, bool rates,
                               bool all_totals, const DeliveryReport* delivery = nullptr) {
        for (std::size_t action = 0; action < actions.size(); ++action) {
            fmt::format_to(fmt::appender(buffer), R"({}"{}":)", action == 0 ? '{' : ',',
                           kActionNames[action]);
            append_values(buffer, actions[action], rates, all_totals);
            if (delivery != nullptr) {
                append_fates(buffer, delivery->count[action], delivery->session[action],
                             delivery->lifetime[action]);
            }
            text(buffer, "}");
        }
        text(buffer, "}");
    }

    static void append_cpus(fmt::memory_buffer& buffer, const SampleReport& report, bool rates) {
        text(buffer, R"(,"cpus":[)");
        for (const CpuValues& cpu : report.cpus) {
            fmt::format_to(fmt::appender(buffer), R"({}{{"cpu":{},"actions":)",
                           &cpu == report.cpus.data() ? "" : ",", cpu.cpu);
            append_actions(buffer, cpu.actions, rates, false);
            text(buffer, "}");
        }
        text(buffer, "]");
    }

    void append_programs(fmt::memory_buffer& buffer, const SampleReport& report, bool rates) {
        text(buffer, R"(,"programs":[)");
        for (const ProgramValues& program : report.programs) {
            fmt::format_to(fmt::appender(buffer), R"({}{{"id":{},"name":)",
                           &program == report.programs.data() ? "" : ",", program.id);
            append_string(buffer, program.name);
            text(buffer, R"(,"actions":)");
            append_actions(buffer, program.actions, rates, true);
            text(buffer, R"(,"total":)");
            append_values(buffer, program.total, rates, true);
            text(buffer, "}}");
        }
        text(buffer, "]");
    }

    Detail detail_;
    std::map<std::string, std::string, std::less<>> escaped_;  // name -> JSON string, quotes included
};

}  // namespace

std::unique_ptr<SampleFormat> make_json_format(Detail detail) {
    return std::make_unique<JsonFormat>(detail);
}

}  // namespace tally::stats
