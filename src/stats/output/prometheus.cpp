// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Samples as Prometheus metrics, in the text exposition format, version 0.0.4. Pure. Names and labels are
// promised in docs/interface.md.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/pins/abi_names.h"
#include "stats/model/loss_reasons.h"
#include "stats/output/format.h"

namespace tally::stats {
namespace {

// In the order of kMetrics.
enum MetricNumber : std::size_t {
    kPackets,
    kBytes,
    kDelivered,
    kLost,
    kGeneration,
    kProgram,
    kUp,
    kState,
    kRunsOn,
    kRunSeconds,
    kRuns,
    kBuild,
};

// A help text has no backslash and no line end, which the format would have escaped.
struct Metric {
    std::string_view name;
    std::string_view type;
    std::string_view help;
};

constexpr std::array kMetrics = {
    Metric{"xdp_action_packets_total", "counter",
           "Packets that XDP programs gave this verdict since the first load."},
    Metric{"xdp_action_bytes_total", "counter",
           "Bytes of the packets that XDP programs gave this verdict since the first load."},
    Metric{"xdp_action_delivered_packets_total", "counter",
           "Packets of this verdict that arrived, since the first load or the start of the tracking."},
    Metric{"xdp_action_lost_packets_total", "counter",
           "Packets of this verdict that were lost, since the first load or the start of the tracking."},
    Metric{"xdp_map_generation", "gauge", "Grows by one when the program or its counter map is replaced."},
    Metric{"xdp_program_info", "gauge", "The program that counts into the map, or was the last to."},
    Metric{"xdp_up", "gauge",
           "Whether the counters can be read and, as far as is known, a program counts into them."},
    Metric{"xdp_feed_state", "gauge", "Whether a program counts into the map: 1 for the state that holds."},
    Metric{"xdp_runs_on_info", "gauge",
           "The device that the program runs on now, where that is another one."},
    Metric{"xdp_program_run_seconds_total", "counter",
           "Time that the program's runs took, without that of measuring them."},
    Metric{"xdp_program_runs_total", "counter", "Runs of the program while its time was measured."},
    Metric{"xdp_tally_build_info", "gauge", "The version of xdp_stats."},
};

constexpr std::array kStates = {AttachState::kAttached, AttachState::kDetached, AttachState::kStale,
                                AttachState::kForeign, AttachState::kUnknown};

// How many bytes the first character of the text has; 0 where it begins with none of UTF-8.
std::size_t size_of_character(std::string_view text) {
    if (static_cast<unsigned char>(text.front()) < 0x80) {
        return 1;
    }
    constexpr std::size_t kLongest = 4;
    for (std::size_t size = 2; size <= std::min(text.size(), kLongest); ++size) {
        if (nlohmann::json::accept('"' + std::string(text.substr(0, size)) + '"')) {
            return size;
        }
    }
    return 0;
}

bool is_hexadecimal(char letter) {
    return (letter >= '0' && letter <= '9') || (letter >= 'A' && letter <= 'F');
}

// Prometheus refuses a scrape with other bytes than UTF-8, and one with a series twice. So they become %XX
// instead of the same U+FFFD; and what looks so already, %25XX.
std::string utf8(std::string_view text) {
    std::string valid;
    while (!text.empty()) {
        const bool looks_so =
            text.size() > 2 && text.front() == '%' && is_hexadecimal(text[1]) && is_hexadecimal(text[2]);
        const std::size_t size = looks_so ? 0 : size_of_character(text);
        valid += size > 0 ? text.substr(0, size)
                          : fmt::format("%{:02X}", static_cast<unsigned char>(text.front()));
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return valid;
}

// `,name="value"`, or without the comma where it is the first.
void append_label(std::string& labels, std::string_view name, const std::string& value) {
    labels += labels.empty() ? "" : ",";
    labels += name;
    labels += "=\"";
    for (const char letter : utf8(value)) {
        if (letter == '\\' || letter == '"') {
            labels += '\\';
        }
        labels += letter == '\n' ? std::string_view("\\n") : std::string_view(&letter, 1);
    }
    labels += '"';
}

std::string with(std::string labels, std::string_view name, const std::string& value) {
    append_label(labels, name, value);
    return labels;
}

bool may_count(AttachState state) {
    return state != AttachState::kDetached && state != AttachState::kStale;
}

// The lines of each metric in one round.
using Lines = std::vector<fmt::memory_buffer>;

template <typename Number>
void append_line(Lines& lines, MetricNumber metric, const std::string& labels, Number value) {
    fmt::format_to(fmt::appender(lines[metric]), "{}{{{}}} {}\n", kMetrics[metric].name, labels, value);
}

void append_fate(Lines& lines, const std::string& labels, std::size_t action,
                 const std::optional<Fate>& fate) {
    if (!fate) {
        return;
    }
    if (action != static_cast<std::size_t>(Action::kAborted)) {
        append_line(lines, kDelivered, labels, fate->delivered);
    }
    std::map<std::uint32_t, std::uint64_t> losses;
    for (const std::uint32_t reason : usual_losses(action)) {
        losses[reason] = 0;
    }
    for (const Loss& loss : fate->losses) {
        losses[loss.reason] = loss.packets;
    }
    for (const auto& [reason, packets] : losses) {
        append_line(lines, kLost, with(labels, "reason", loss_name(reason)), packets);
    }
}

// Each metric with all of its samples together, as the format wants them. Counters are those of the maps that
// the run began with, and what was counted since: they never go back while the run lasts, and a lineage's
// never go back from one run to the next.
class PrometheusFormat final : public SampleFormat {
  public:
    void append(fmt::memory_buffer& buffer, const SampleReport& report) override;
    // A source that has never been read has nothing but xdp_up 0.
    bool takes_unreadable() const override { return true; }
    void append_round(fmt::memory_buffer& buffer) override;

  private:
    Lines lines_ = Lines(kMetrics.size());
};

void PrometheusFormat::append(fmt::memory_buffer& /*buffer*/, const SampleReport& report) {
    const std::string device = with(with({}, "device", report.device.value_or(report.title)), "netns",
                                    report.netns.value_or(std::string()));
    append_line(lines_, kUp, device, report.readable && may_count(report.state) ? 1 : 0);
    if (report.time == 0) {
        return;
    }
    for (std::size_t action = 0; action < report.actions.size(); ++action) {
        const Counter& earlier = report.before_start[action];
        const Counter& since = report.actions[action].session;
        const std::string labels = with(device, "action", std::string(kShortActionNames[action]));
        append_line(lines_, kPackets, labels, earlier.rx_packets + since.rx_packets);
        append_line(lines_, kBytes, labels, earlier.rx_bytes + since.rx_bytes);
        const bool any = earlier.rx_packets + since.rx_packets > 0;
        append_fate(lines_, labels, action, any ? report.delivery.metrics[action] : std::nullopt);
    }
    const AttachState now = report.readable ? report.state : AttachState::kUnknown;
    for (const AttachState state : kStates) {
        append_line(lines_, kState, with(device, "state", std::string(state_name(state))),
                    state == now ? 1 : 0);
    }
    if (report.readable && report.runs_on) {
        append_line(lines_, kRunsOn, with(device, "runs_on", *report.runs_on), 1);
    }
    if (report.cost) {
        constexpr double kNanoseconds = 1e9;
        append_line(lines_, kRunSeconds, device, report.cost->session_nanoseconds / kNanoseconds);
        append_line(lines_, kRuns, device, report.cost->session_runs);
    }
    if (report.program) {
        const AttachedProgram& program = *report.program;
        append_line(lines_, kGeneration, device, program.generation);
        const std::string labels =
            with(with(device, "program", program.name), "id", std::to_string(program.id));
        append_line(lines_, kProgram, with(with(labels, "mode", program.mode), "attach", program.attach), 1);
    }
}

void PrometheusFormat::append_round(fmt::memory_buffer& buffer) {
    append_line(lines_, kBuild, with({}, "version", TALLY_VERSION), 1);
    for (std::size_t number = 0; number < kMetrics.size(); ++number) {
        fmt::memory_buffer& lines = lines_[number];
        if (lines.size() > 0) {
            const Metric& metric = kMetrics[number];
            fmt::format_to(fmt::appender(buffer), "# HELP {} {}\n# TYPE {} {}\n", metric.name, metric.help,
                           metric.name, metric.type);
            buffer.append(lines.data(), lines.data() + lines.size());
            lines.clear();
        }
    }
}

}  // namespace

std::unique_ptr<SampleFormat> make_prometheus_format() {
    return std::make_unique<PrometheusFormat>();
}

}  // namespace tally::stats
