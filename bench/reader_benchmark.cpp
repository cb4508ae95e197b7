// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a sample costs inside xdp_stats: reading the map, the numbers, the text. Google Benchmark; `--help`
// has its options.
#include <benchmark/benchmark.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/pins/counter_map.h"
#include "stats/model/sample_report.h"
#include "stats/output/format.h"

namespace {

using namespace tally;
using namespace tally::stats;

UniqueFd create_counter_map() {
    return UniqueFd(bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "xdp_stats_map", sizeof(__u32),
                                   sizeof(xdp_tally_counter), XDP_TALLY_ACTIONS, nullptr));
}

SampleReport report_of(std::size_t number) {
    SampleReport report;
    report.title = "veth" + std::to_string(number);
    report.device = report.title;
    report.map_id = static_cast<std::uint32_t>(number + 1);
    report.program = AttachedProgram{1, static_cast<std::uint32_t>(number + 1), "xdp_pass", "native", "link"};
    report.state = AttachState::kAttached;
    report.readable = true;
    Counters before = {};
    Counters now = {};
    now[XDP_PASS] = {123'456'789, 98'765'432'109};
    now[XDP_DROP] = {1'234'567, 76'543'210};
    fill_values(report, before, now, 1.0, now, now);
    return report;
}

void read_map(benchmark::State& state) {
    auto map = CounterMap::from_fd(create_counter_map());
    if (!map) {
        state.SkipWithError("a counter map cannot be made: this takes root");
        return;
    }
    Sample sample;
    for ([[maybe_unused]] auto round : state) {
        benchmark::DoNotOptimize(map->read(sample));
    }
}
BENCHMARK(read_map);

// As the tutorial's reader does: one call for every action, and the CPUs added up.
void look_up_each_action(benchmark::State& state) {
    const UniqueFd map = create_counter_map();
    const int cpus = libbpf_num_possible_cpus();
    std::vector<xdp_tally_counter> values(static_cast<std::size_t>(std::max(cpus, 1)));
    if (map.get() < 0 || cpus <= 0) {
        state.SkipWithError("a counter map cannot be made: this takes root");
        return;
    }
    for ([[maybe_unused]] auto round : state) {
        for (__u32 action = 0; action < XDP_TALLY_ACTIONS; ++action) {
            benchmark::DoNotOptimize(bpf_map_lookup_elem(map.get(), &action, values.data()));
            xdp_tally_counter sum = {};
            for (const auto& value : values) {
                sum.rx_packets += value.rx_packets;
                sum.rx_bytes += value.rx_bytes;
            }
            benchmark::DoNotOptimize(sum);
        }
    }
}
BENCHMARK(look_up_each_action);

void fill_report(benchmark::State& state) {
    SampleReport report = report_of(0);
    const Counters before = {};
    Counters now = {};
    for ([[maybe_unused]] auto round : state) {
        now[XDP_PASS].rx_packets += 1000;
        fill_values(report, before, now, 1.0, now, now);
        benchmark::DoNotOptimize(report);
    }
}
BENCHMARK(fill_report);

void write_report(benchmark::State& state, Format format) {
    const SampleReport report = report_of(0);
    const auto output = make_format(format, Detail(), false);
    fmt::memory_buffer buffer;
    for ([[maybe_unused]] auto round : state) {
        buffer.clear();
        output->append(buffer, report);
        benchmark::DoNotOptimize(buffer.data());
    }
}
BENCHMARK_CAPTURE(write_report, table, Format::kTable);
BENCHMARK_CAPTURE(write_report, json, Format::kJson);
BENCHMARK_CAPTURE(write_report, csv, Format::kCsv);

void write_metrics(benchmark::State& state) {
    std::vector<SampleReport> reports;
    for (std::size_t i = 0; i < static_cast<std::size_t>(state.range(0)); ++i) {
        reports.push_back(report_of(i));
    }
    const auto metrics = make_prometheus_format();
    fmt::memory_buffer text;
    for ([[maybe_unused]] auto round : state) {
        text.clear();
        for (const SampleReport& report : reports) {
            metrics->append(text, report);
        }
        metrics->append_round(text);
        benchmark::DoNotOptimize(text.data());
    }
    state.SetComplexityN(state.range(0));
}
BENCHMARK(write_metrics)->RangeMultiplier(10)->Range(1, 1000)->Complexity(benchmark::oN);

}  // namespace

BENCHMARK_MAIN();
