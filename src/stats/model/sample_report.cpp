// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/sample_report.h"

#include <utility>

#include "common/base/natural_order.h"
#include "common/base/printable.h"

namespace tally::stats {
namespace {

bool counted_anything(const Counters& counters) {
    const Counter sum = sum_of_actions(counters);
    return sum.rx_packets != 0 || sum.rx_bytes != 0;
}

// What was counted, from each moment on that is known.
struct Counted {
    const Counters& map;
    const Counters& session;
    const std::optional<Counters>& lifetime;
};

constexpr std::optional<Counters> kNoLifetime;

// The total that is asked for; all 0 where it is not known.
Counters shown_of(Totals totals, const Counted& counted) {
    return choose(totals, counted.map, counted.lifetime.value_or(Counters()), counted.session);
}

void fill_actions(ActionValues& actions, CounterValues& total, const Counters& counts, const Rates& rates,
                  const Counted& counted) {
    for (std::size_t action = 0; action < counts.size(); ++action) {
        actions[action] =
            CounterValues{counts[action], counted.session[action], rates.actions[action],
                          counted.lifetime ? std::optional((*counted.lifetime)[action]) : std::nullopt};
    }
    total = CounterValues{sum_of_actions(counts), sum_of_actions(counted.session), rates.total,
                          counted.lifetime ? std::optional(sum_of_actions(*counted.lifetime)) : std::nullopt};
}

}  // namespace

bool differs_from_lifetime(const SampleReport& report) {
    const auto& lifetime = report.total.lifetime;
    if (report.totals != Totals::kMap || !lifetime) {
        return false;
    }
    const bool first = !report.program || report.program->generation == 1;
    const Counter& count = report.total.count;
    return !first || lifetime->rx_packets != count.rx_packets || lifetime->rx_bytes != count.rx_bytes;
}

const std::string& why_unknown(const SampleReport& report, std::size_t action) {
    static const std::string none;
    return report.actions.at(action).count.rx_packets > 0 ? report.delivery.unknown.at(action) : none;
}

std::string title_with_place(const SampleReport& report) {
    return report.runs_on ? report.title + ", runs on " + printable(*report.runs_on) : report.title;
}

bool is_listed_before(const SampleReport& one, const SampleReport& other) {
    if (one.device.has_value() != other.device.has_value()) {
        return one.device.has_value();
    }
    const auto place = [](const SampleReport& report) {
        return std::pair<std::string_view, std::string_view>(
            report.netns ? std::string_view(*report.netns) : std::string_view(),
            report.device ? *report.device : report.title);
    };
    return natural_device_less(place(one), place(other));
}

void fill_values(SampleReport& report, const Counters& before, const Counters& now, double seconds,
                 const Counters& session, const std::optional<Counters>& lifetime) {
    report.period = seconds;
    report.count_known = report.totals != Totals::kLifetime || lifetime;
    const Counted counted{now, session, lifetime};
    fill_actions(report.actions, report.total, shown_of(report.totals, counted),
                 compute_rates(before, now, seconds), counted);
}

void fill_cpu_values(SampleReport& report, const std::vector<Counters>& before,
                     const std::vector<Counters>& now, double seconds, const std::vector<Counters>& session) {
    report.cpus.clear();
    for (std::size_t cpu = 0; cpu < now.size(); ++cpu) {
        const Counters& counts = report.totals == Totals::kSession ? session[cpu] : now[cpu];
        if (!counted_anything(counts)) {
            continue;
        }
        const Rates rates = compute_rates(before[cpu], now[cpu], seconds);
        CpuValues& values = report.cpus.emplace_back();
        values.cpu = static_cast<unsigned>(cpu);
        for (std::size_t action = 0; action < counts.size(); ++action) {
            values.actions[action] =
                CounterValues{counts[action], session[cpu][action], rates.actions[action], {}};
        }
    }
}

ProgramValues identify(std::uint32_t id, std::string_view name) {
    ProgramValues program;
    program.id = id;
    program.name = printable(name);
    program.label = std::to_string(id) + ':' + program.name;
    return program;
}

void fill_program_values(const SampleReport& report, ProgramValues& program, const Counters& before,
                         const Counters& now, double seconds, const Counters& session) {
    const Counted counted{now, session, kNoLifetime};
    fill_actions(program.actions, program.total, shown_of(report.totals, counted),
                 compute_rates(before, now, seconds), counted);
}

}  // namespace tally::stats
