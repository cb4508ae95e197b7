// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/output/prometheus.h"

#include <nlohmann/json.hpp>
#include <prometheus/text_serializer.h>

#include <array>
#include <sstream>
#include <string>
#include <utility>

#include "common/pins/abi_names.h"
#include "stats/output/format.h"

namespace tally::stats {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

enum Family : std::size_t {
    kPackets,
    kBytes,
    kGeneration,
    kProgram,
    kUp,
    kState,
    kRunsOn,
    kBuild,
};

constexpr std::array kStates = {AttachState::kAttached, AttachState::kDetached, AttachState::kStale,
                                AttachState::kForeign, AttachState::kUnknown};

std::vector<MetricFamily> empty_families() {
    return {
        {"xdp_action_packets_total", "Packets that XDP programs gave this verdict.", MetricType::Counter, {}},
        {"xdp_action_bytes_total",
         "Bytes of the packets that XDP programs gave this verdict.",
         MetricType::Counter,
         {}},
        {"xdp_map_generation",
         "Grows by one when the program or its counter map is replaced.",
         MetricType::Gauge,
         {}},
        {"xdp_program_info",
         "The program that counts into the map, or was the last to.",
         MetricType::Gauge,
         {}},
        {"xdp_up",
         "Whether the counters can be read and, as far as is known, a program counts into them.",
         MetricType::Gauge,
         {}},
        {"xdp_feed_state",
         "Whether a program counts into the map: 1 for the state that holds.",
         MetricType::Gauge,
         {}},
        {"xdp_runs_on_info",
         "The device that the program runs on now, where that is another one.",
         MetricType::Gauge,
         {}},
        {"xdp_tally_build_info", "The version of xdp_stats.", MetricType::Gauge, {}},
    };
}

ClientMetric counter(Labels labels, std::uint64_t value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = static_cast<double>(value);
    return metric;
}

ClientMetric gauge(Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    return metric;
}

Labels with(Labels labels, const char* name, std::string value) {
    labels.push_back({name, std::move(value)});
    return labels;
}

// Prometheus refuses a scrape with bytes that are not UTF-8; they become U+FFFD, as in JSON.
std::string utf8(const std::string& text) {
    using nlohmann::json;
    return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace));
}

bool may_count(AttachState state) {
    return state != AttachState::kDetached && state != AttachState::kStale;
}

// The text exposition format, version 0.0.4: what the exporter serves, too.
class PrometheusFormat final : public SampleFormat {
  public:
    void append(fmt::memory_buffer& /*buffer*/, const SampleReport& report) override { metrics_.add(report); }
    bool takes_unreadable() const override { return true; }

    void append_round(fmt::memory_buffer& buffer) override {
        std::ostringstream text;
        text.imbue(std::locale::classic());
        prometheus::TextSerializer().Serialize(text, metrics_.take());
        buffer.append(text.view());
    }

  private:
    Metrics metrics_;
};

}  // namespace

Metrics::Metrics() : families_(empty_families()) {}

void Metrics::add(const SampleReport& report) {
    const Labels device = {{"device", utf8(report.device.value_or(report.title))},
                           {"netns", utf8(report.netns.value_or(std::string()))}};
    families_[kUp].metric.push_back(gauge(device, report.readable && may_count(report.state) ? 1 : 0));
    if (report.map_id == 0) {
        return;
    }
    for (std::size_t action = 0; action < report.actions.size(); ++action) {
        const Counter& earlier = report.before_start[action];
        const Counter& since = report.actions[action].session;
        const Labels labels = with(device, "action", std::string(kShortActionNames[action]));
        families_[kPackets].metric.push_back(counter(labels, earlier.rx_packets + since.rx_packets));
        families_[kBytes].metric.push_back(counter(labels, earlier.rx_bytes + since.rx_bytes));
    }
    const AttachState now = report.readable ? report.state : AttachState::kUnknown;
    for (const AttachState state : kStates) {
        families_[kState].metric.push_back(
            gauge(with(device, "state", std::string(state_name(state))), state == now ? 1 : 0));
    }
    if (report.readable && report.runs_on) {
        families_[kRunsOn].metric.push_back(gauge(with(device, "runs_on", utf8(*report.runs_on)), 1));
    }
    if (report.program) {
        const AttachedProgram& program = *report.program;
        families_[kGeneration].metric.push_back(gauge(device, static_cast<double>(program.generation)));
        Labels labels = with(device, "program", utf8(program.name));
        labels = with(std::move(labels), "id", std::to_string(program.id));
        labels = with(std::move(labels), "mode", program.mode);
        families_[kProgram].metric.push_back(gauge(with(std::move(labels), "attach", program.attach), 1));
    }
}

std::vector<MetricFamily> Metrics::take() {
    families_[kBuild].metric.push_back(gauge({{"version", TALLY_VERSION}}, 1));
    auto families = std::exchange(families_, empty_families());
    std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
    return families;
}

std::unique_ptr<SampleFormat> make_prometheus_format() {
    return std::make_unique<PrometheusFormat>();
}

}  // namespace tally::stats
