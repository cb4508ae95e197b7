#include "stats/block.h"

#include "common/printable.h"

namespace tally::stats {
namespace {

bool counted_anything(const Counters& counters) {
    const Counter sum = sum_of_actions(counters);
    return sum.rx_packets != 0 || sum.rx_bytes != 0;
}

void fill_actions(ActionFigures& actions, Figures& total, const Counters& counts, const Rates& rates,
                  const Counters& session) {
    for (std::size_t action = 0; action < counts.size(); ++action) {
        actions[action] = Figures{counts[action], session[action], rates.actions[action]};
    }
    total = Figures{sum_of_actions(counts), sum_of_actions(session), rates.total};
}

}  // namespace

std::string_view state_name(FeedState state) {
    switch (state) {
        case FeedState::kForeign:
            return "foreign";
        case FeedState::kAttached:
            return "attached";
        case FeedState::kDetached:
            return "detached";
        case FeedState::kStale:
            return "stale";
        case FeedState::kUnknown:
            break;
    }
    return "unknown";
}

void fill_figures(Block& block, const Counters& before, const Counters& now, double seconds,
                  const Counters& session) {
    block.period = seconds;
    fill_actions(block.actions, block.total, block.since_start ? session : now,
                 compute_rates(before, now, seconds), session);
}

void fill_cpu_figures(Block& block, const std::vector<Counters>& before, const std::vector<Counters>& now,
                      double seconds, const std::vector<Counters>& session) {
    block.cpus.clear();
    for (std::size_t cpu = 0; cpu < now.size(); ++cpu) {
        const Counters& counts = block.since_start ? session[cpu] : now[cpu];
        if (!counted_anything(counts)) {
            continue;
        }
        const Rates rates = compute_rates(before[cpu], now[cpu], seconds);
        CpuFigures& figures = block.cpus.emplace_back();
        figures.cpu = static_cast<unsigned>(cpu);
        for (std::size_t action = 0; action < counts.size(); ++action) {
            figures.actions[action] = Figures{counts[action], session[cpu][action], rates.actions[action]};
        }
    }
}

ProgramFigures identify(std::uint32_t id, std::string_view name) {
    ProgramFigures program;
    program.id = id;
    program.name = printable(name);
    program.label = std::to_string(id) + ':' + program.name;
    return program;
}

void fill_program_figures(const Block& block, ProgramFigures& program, const Counters& before,
                          const Counters& now, double seconds, const Counters& session) {
    fill_actions(program.actions, program.total, block.since_start ? session : now,
                 compute_rates(before, now, seconds), session);
}

}  // namespace tally::stats
