// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A report with a number of every kind, for the formats.
#pragma once

#include <fmt/format.h>

#include <cerrno>

#include <xdp_tally/delivery.h>

#include "stats/counters_for_tests.h"
#include "stats/model/sample_report.h"

namespace tally::stats {

// 10 packets and 980 bytes passed in 2.000104 s, 1 dropped earlier: in the first map.
inline SampleReport example_report() {
    SampleReport report;
    report.title = "veth0";
    report.device = "veth0";
    report.map_id = 32;
    report.program = AttachedProgram{1, 57, "xdp_pass", "native", "link"};
    report.state = AttachState::kAttached;
    report.time = 1769860800'123'456'789;  // 2026-01-31 12:00:00.123 UTC
    report.readable = true;
    report.period = 2.000104;
    report.actions[XDP_DROP].count = {1, 60};
    report.actions[XDP_PASS] = {{10, 980}, {10, 980}, {5, 3920}};
    report.total = {{11, 1040}, {10, 980}, {5, 3920}};
    for (CounterValues& values : report.actions) {
        values.lifetime = values.count;
    }
    report.total.lifetime = report.total.count;
    return report;
}

// A later map, before which 500 packets and 30000 bytes had been dropped.
inline SampleReport later_report() {
    SampleReport report = example_report();
    report.program->generation = 2;
    report.actions[XDP_DROP].lifetime = {501, 30060};
    report.total.lifetime = {511, 31040};
    return report;
}

// The example with --cost: 5 runs a second of 23.4567 ns.
inline SampleReport costly_report() {
    SampleReport report = example_report();
    report.cost = ProgramCost();
    report.cost->program_id = 57;
    report.cost->ns_per_run = 23.4567;
    report.cost->cpu = 117.2835e-9;
    report.cost->session_runs = 10;
    report.cost->session_nanoseconds = 234.567;
    return report;
}

// 1,203 redirected packets: 200 arrived, 1,000 found the target down, 3 were dropped without a reason, those
// in this session.
inline SampleReport lossy_report() {
    SampleReport report = example_report();
    report.actions[XDP_REDIRECT].count = {1203, 72180};
    report.actions[XDP_REDIRECT].lifetime = report.actions[XDP_REDIRECT].count;
    report.before_start[XDP_REDIRECT] = report.actions[XDP_REDIRECT].count;
    DeliveryReport& delivery = report.delivery;
    delivery.tracked = true;
    delivery.since = report.time;
    for (const Action action : kSentOn) {
        delivery.count[static_cast<std::size_t>(action)] = Fate();
    }
    delivery.session = delivery.count;
    delivery.count[XDP_REDIRECT] = Fate{200, 1003, {{ENETDOWN, 1000}, {XDP_TALLY_LOST_NO_REASON, 3}}};
    delivery.session[XDP_REDIRECT] = Fate{0, 3, {{XDP_TALLY_LOST_NO_REASON, 3}}};
    delivery.metrics = delivery.count;
    return report;
}

// The example before there is anything to compare with, and without a meta.
inline SampleReport foreign_report() {
    SampleReport report = example_report();
    report.device.reset();
    report.title = "/sys/fs/bpf/other/xdp_stats_map";
    report.program.reset();
    report.state = AttachState::kForeign;
    report.period = 0;
    report.actions[XDP_PASS].rate = {};
    report.total.rate = {};
    for (CounterValues& values : report.actions) {
        values.lifetime.reset();
    }
    report.total.lifetime.reset();
    return report;
}

inline CpuValues example_cpu(unsigned cpu, int action, CounterValues values) {
    CpuValues result;
    result.cpu = cpu;
    result.actions[static_cast<std::size_t>(action)] = values;
    return result;
}

// Two programs: the first dropped 1 packet and handed on 10, which the second let pass.
inline SampleReport dispatcher_report() {
    SampleReport report = example_report();
    report.programs = {identify(7, "first"), identify(12, "second")};
    report.programs[0].actions = report.actions;
    report.programs[0].total = report.total;
    report.programs[1].actions[XDP_PASS] = report.actions[XDP_PASS];
    report.programs[1].total = report.actions[XDP_PASS];
    for (ProgramValues& program : report.programs) {
        program.total.lifetime.reset();
        for (CounterValues& values : program.actions) {
            values.lifetime.reset();
        }
    }
    return report;
}

template <typename SampleFormat>
std::string text_of(SampleFormat& output, const SampleReport& report) {
    fmt::memory_buffer buffer;
    output.append(buffer, report);
    return fmt::to_string(buffer);
}

}  // namespace tally::stats
