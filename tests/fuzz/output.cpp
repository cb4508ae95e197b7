// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What the outputs write, read back: the same numbers, whatever they are and whatever things are called.
#include <fuzzer/FuzzedDataProvider.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <sstream>
#include <vector>

#include "common/pins/abi_names.h"
#include "stats/output/format.h"

#include "property.h"

using namespace tally;
using namespace tally::stats;
using nlohmann::json;

namespace {

// A reading of a map: a slot for each CPU, and their sums, which in 64 bits nobody will see overflow.
Sample take_sample(FuzzedDataProvider& input, std::size_t cpus) {
    Sample sample;
    sample.per_cpu.resize(cpus);
    for (auto& counters : sample.per_cpu) {
        for (std::size_t action = 0; input.ConsumeBool() && action < counters.size(); ++action) {
            const unsigned shift = input.ConsumeIntegralInRange(5, 63);
            counters[action] = {input.ConsumeIntegral<std::uint64_t>() >> shift,
                                input.ConsumeIntegral<std::uint64_t>() >> shift};
            sample.total[action].rx_packets += counters[action].rx_packets;
            sample.total[action].rx_bytes += counters[action].rx_bytes;
        }
    }
    return sample;
}

// What earlier maps have counted, and this one.
Counters take_lifetime(FuzzedDataProvider& input, const Sample& now) {
    Counters sum = take_sample(input, 1).total;
    for (std::size_t action = 0; action < sum.size(); ++action) {
        sum[action].rx_packets += now.total[action].rx_packets;
        sum[action].rx_bytes += now.total[action].rx_bytes;
    }
    return sum;
}

SampleReport take_report(FuzzedDataProvider& input) {
    SampleReport report;
    report.readable = true;
    report.map_id = input.ConsumeIntegral<std::uint32_t>();
    report.state = static_cast<AttachState>(input.ConsumeIntegralInRange(0, 6));
    report.totals = static_cast<Totals>(input.ConsumeIntegralInRange(0, 2));
    // Years that have four digits.
    report.time = input.ConsumeIntegralInRange<std::int64_t>(0, 9'000'000'000'000'000'000);
    const double seconds = input.ConsumeBool() ? input.ConsumeFloatingPointInRange<double>(0.0005, 1e9) : 0;
    const auto cpus = input.ConsumeIntegralInRange<std::size_t>(1, 4);
    const Sample before = take_sample(input, cpus);
    const Sample now = take_sample(input, cpus);
    const Sample session = take_sample(input, cpus);
    const auto lifetime = input.ConsumeBool() ? std::optional(take_lifetime(input, now)) : std::nullopt;
    fill_values(report, before.total, now.total, seconds, session.total, lifetime);
    fill_cpu_values(report, before.per_cpu, now.per_cpu, seconds, session.per_cpu);
    if (input.ConsumeBool()) {
        report.program = AttachedProgram{input.ConsumeIntegral<std::uint64_t>(),
                                         input.ConsumeIntegral<std::uint32_t>(), "program", "native", "link"};
    }
    if (input.ConsumeBool()) {
        report.device = input.ConsumeRandomLengthString(32);
    }
    report.title = report.device.value_or("map");
    return report;
}

std::string write(SampleFormat& output, const SampleReport& report) {
    fmt::memory_buffer buffer;
    output.append(buffer, report);
    return fmt::to_string(buffer);
}

bool close(double written, double meant) {
    return std::abs(written - meant) <= 0.001 + std::abs(meant) * 1e-12;
}

void check_json_values(const json& written, const CounterValues& values, bool rates, bool session) {
    REQUIRE(written["packets"].get<std::uint64_t>() == values.count.rx_packets);
    REQUIRE(written["bytes"].get<std::uint64_t>() == values.count.rx_bytes);
    REQUIRE(written["pps"].is_null() == !rates && written["bps"].is_null() == !rates);
    REQUIRE(!rates || close(written["pps"].get<double>(), values.rate.pps));
    REQUIRE(!rates || close(written["bps"].get<double>(), values.rate.bps));
    if (session) {
        REQUIRE(written["session_packets"].get<std::uint64_t>() == values.session.rx_packets);
        REQUIRE(written["session_bytes"].get<std::uint64_t>() == values.session.rx_bytes);
        const auto& lifetime = values.lifetime;
        REQUIRE(written["lifetime_packets"].is_null() == !lifetime &&
                written["lifetime_bytes"].is_null() == !lifetime);
        REQUIRE(!lifetime || written["lifetime_packets"].get<std::uint64_t>() == lifetime->rx_packets);
        REQUIRE(!lifetime || written["lifetime_bytes"].get<std::uint64_t>() == lifetime->rx_bytes);
    }
}

void check_json_actions(const json& written, const ActionValues& actions, bool rates, bool session) {
    REQUIRE(written.size() == actions.size());
    for (std::size_t action = 0; action < actions.size(); ++action) {
        check_json_values(written[std::string(kActionNames[action])], actions[action], rates, session);
    }
}

void check_json(const std::string& text, const SampleReport& report, bool per_cpu) {
    REQUIRE(text.find('\n') == text.size() - 1);
    const json sample = json::parse(text);  // an exception is a finding
    REQUIRE(sample["schema"] == 1 && sample["map_id"] == report.map_id);
    REQUIRE(sample["state"] == std::string(state_name(report.state)));
    REQUIRE(sample["time"].get<std::string>().size() == 24);
    REQUIRE(sample["dev"].is_null() == !report.device.has_value());
    if (report.device) {
        // Bytes that are no UTF-8 are replaced, so only what was valid comes back as it was.
        const std::string device = sample["dev"];
        REQUIRE(device == *report.device || device.find("\xef\xbf\xbd") != std::string::npos);
    }
    REQUIRE(sample["generation"].is_null() == !report.program.has_value());
    REQUIRE(!report.program || sample["generation"].get<std::uint64_t>() == report.program->generation);
    REQUIRE(std::abs(sample["period"].get<double>() - report.period) <= 1e-6 + report.period * 1e-12);
    const bool rates = report.period > 0;
    check_json_actions(sample["actions"], report.actions, rates, true);
    check_json_values(sample["total"], report.total, rates, true);
    REQUIRE(sample.contains("cpus") == per_cpu);
    if (per_cpu) {
        REQUIRE(sample["cpus"].size() == report.cpus.size());
        for (std::size_t i = 0; i < report.cpus.size(); ++i) {
            REQUIRE(sample["cpus"][i]["cpu"] == report.cpus[i].cpu);
            check_json_actions(sample["cpus"][i]["actions"], report.cpus[i].actions, rates, false);
        }
    }
}

// RFC 4180.
std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
    std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
            rows.back().back() += text[++i];
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == ',') {
            rows.back().emplace_back();
        } else if (!quoted && c == '\n') {
            rows.emplace_back(1);
        } else {
            rows.back().back() += c;
        }
    }
    REQUIRE(!quoted && rows.back().size() == 1 && rows.back().front().empty());
    rows.pop_back();
    return rows;
}

bool counted(const CounterValues& values) {
    return values.count.rx_packets != 0 || values.count.rx_bytes != 0;
}

void check_csv(const std::string& text, const SampleReport& report, bool per_cpu) {
    const auto rows = parse_csv(text);
    const auto& titles = rows.front();
    const auto field = [&](const std::vector<std::string>& row, const char* title) -> const std::string& {
        const auto found = std::find(titles.begin(), titles.end(), title);
        REQUIRE(found != titles.end());
        return row[static_cast<std::size_t>(found - titles.begin())];
    };
    std::size_t next = 1;
    const auto check_row = [&](std::string_view action, const CounterValues& values, const std::string& cpu) {
        REQUIRE(next < rows.size());
        const auto& row = rows[next++];
        REQUIRE(row.size() == titles.size());
        REQUIRE(field(row, "dev") == report.device.value_or("") && field(row, "action") == action);
        REQUIRE(!per_cpu || field(row, "cpu") == cpu);
        const bool known = report.count_known;
        REQUIRE(field(row, "packets") == (known ? std::to_string(values.count.rx_packets) : ""));
        REQUIRE(field(row, "bytes") == (known ? std::to_string(values.count.rx_bytes) : ""));
        REQUIRE(field(row, "totals") == totals_name(report.totals));
        const auto& lifetime = values.lifetime;
        REQUIRE(field(row, "lifetime_packets") == (lifetime ? std::to_string(lifetime->rx_packets) : ""));
        REQUIRE(field(row, "lifetime_bytes") == (lifetime ? std::to_string(lifetime->rx_bytes) : ""));
        REQUIRE(field(row, "pps").empty() == !(report.period > 0));
        if (report.period > 0) {
            REQUIRE(close(std::stod(field(row, "pps")), values.rate.pps));
            REQUIRE(close(std::stod(field(row, "bps")), values.rate.bps));
        }
        const bool session = cpu == "all";
        REQUIRE(field(row, "session_packets") == (session ? std::to_string(values.session.rx_packets) : ""));
        REQUIRE(field(row, "session_bytes") == (session ? std::to_string(values.session.rx_bytes) : ""));
    };
    for (std::size_t action = 0; action < report.actions.size(); ++action) {
        check_row(kActionNames[action], report.actions[action], "all");
        for (const auto& cpu : report.cpus) {
            if (per_cpu && counted(cpu.actions[action])) {
                check_row(kActionNames[action], cpu.actions[action], std::to_string(cpu.cpu));
            }
        }
    }
    check_row("total", report.total, "all");
    REQUIRE(next == rows.size());
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

// What scripts take from the table when nobody looks: action, packets, packets/s, bytes, bits/s in columns.
void check_plain_table(const std::string& text, const SampleReport& report) {
    std::size_t next = text.find("action ");  // below the head, whose title may hold anything
    for (std::size_t other = next; other != std::string::npos; other = text.find("\naction ", other + 1)) {
        next = other;
    }
    std::istringstream lines(text.substr(next));
    std::string line;
    while (std::getline(lines, line) && line.empty()) {
    }
    const auto check_row = [&](std::string_view action, const CounterValues& values) {
        REQUIRE(std::getline(lines, line).good());
        const auto words = words_of(line);
        REQUIRE(words.size() == 5 && words[0] == action);
        REQUIRE(words[1] == (report.count_known ? std::to_string(values.count.rx_packets) : "-"));
        REQUIRE(words[3] == (report.count_known ? std::to_string(values.count.rx_bytes) : "-"));
        REQUIRE((words[2] == "-") == !(report.period > 0));
        if (report.period > 0) {
            REQUIRE(std::abs(std::stod(words[2]) - values.rate.pps) <= 0.05 + values.rate.pps * 1e-12);
            REQUIRE(std::abs(std::stod(words[4]) - values.rate.bps) <= 0.05 + values.rate.bps * 1e-12);
        }
    };
    for (std::size_t action = 0; action < report.actions.size(); ++action) {
        check_row(kActionNames[action], report.actions[action]);
    }
    check_row("total", report.total);
    if (differs_from_lifetime(report)) {
        REQUIRE(std::getline(lines, line).good());
        const auto words = words_of(line);
        REQUIRE(words.size() == 5 && words[0] == "lifetime" && words[2] == "-" && words[4] == "-");
        REQUIRE(words[1] == std::to_string(report.total.lifetime->rx_packets));
        REQUIRE(words[3] == std::to_string(report.total.lifetime->rx_bytes));
    }
    REQUIRE(!std::getline(lines, line));
}

// The terminal's columns are of one width, so that people can look down them.
void check_terminal_table(const std::string& text) {
    std::size_t width = 0;
    std::istringstream lines(text.substr(text.rfind("\n  action ") + 1));
    for (std::string line; std::getline(lines, line);) {
        width = width == 0 ? line.size() : width;
        REQUIRE(line.size() == width);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    const bool per_cpu = input.ConsumeBool();
    const SampleReport report = take_report(input);
    const Detail detail = per_cpu ? Detail::kPerCpu : Detail::kNone;
    const auto as_json = make_json_format(detail);
    check_json(write(*as_json, report), report, per_cpu);
    check_json(write(*as_json, report), report, per_cpu);  // the device is known now
    check_csv(write(*make_csv_format(detail), report), report, per_cpu);
    check_plain_table(write(*make_table_format(Detail::kNone, false), report), report);
    check_terminal_table(write(*make_table_format(detail, true), report));
    return 0;
}
