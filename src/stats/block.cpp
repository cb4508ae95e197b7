#include "stats/block.h"

namespace tally::stats {
namespace {

bool counted_anything(const Counters& counters) {
    const Counter sum = sum_of_actions(counters);
    return sum.rx_packets != 0 || sum.rx_bytes != 0;
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
    const Rates rates = compute_rates(before, now, seconds);
    const Counters& counts = block.since_start ? session : now;
    block.period = seconds;
    for (std::size_t action = 0; action < now.size(); ++action) {
        block.actions[action] = Figures{counts[action], session[action], rates.actions[action]};
    }
    block.total = Figures{sum_of_actions(counts), sum_of_actions(session), rates.total};
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

}  // namespace tally::stats
