// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/model/program_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tally::stats {
namespace {

// Programs that may come back, the newest.
constexpr std::size_t kRemembered = 64;

}  // namespace

std::string cost_text(const ProgramCost& cost) {
    constexpr double kPercent = 100;
    std::string text;
    if (cost.cpu) {
        text = fmt::format("{}, {:.3f} % of a CPU",
                           cost.ns_per_run ? fmt::format("{:.1f} ns a run", *cost.ns_per_run) : "no runs",
                           *cost.cpu * kPercent);
    } else if (cost.note.empty()) {
        text = "not known yet";
    }
    return text + (text.empty() || cost.note.empty() ? "" : ", ") + cost.note;
}

void CostMeter::take(const RunReading& reading, std::string note) {
    cost_.program_id = reading.program_id;
    cost_.ns_per_run.reset();
    cost_.cpu.reset();
    cost_.note = std::move(note);
    const bool same = before_ && before_->program_id == reading.program_id && before_->runs <= reading.runs &&
                      before_->nanoseconds <= reading.nanoseconds;
    const auto earlier = std::exchange(before_, reading);
    const bool after_gap = std::exchange(missed_, false);
    // What a load in between has begun with is all of its own; one that comes back was counted already.
    const bool is_first = seen_.insert(reading.program_id).second && reading.is_new;
    if (seen_.size() > kRemembered) {
        seen_.erase(seen_.begin());
    }
    const RunReading start = same ? *earlier : is_first ? RunReading() : reading;
    const std::uint64_t runs = reading.runs - start.runs;
    const double reported = static_cast<double>(reading.nanoseconds - start.nanoseconds);
    const double own = std::max(0.0, reported - empty_ * static_cast<double>(runs));
    cost_.session_runs += runs;
    cost_.session_nanoseconds += own;
    if (!same || after_gap || reading.time <= earlier->time) {
        return;
    }
    cost_.cpu = own / static_cast<double>(reading.time - earlier->time);
    if (runs != 0) {
        cost_.ns_per_run = own / static_cast<double>(runs);
    }
}

void CostMeter::miss(std::string note) {
    missed_ = true;
    cost_.program_id = 0;
    cost_.ns_per_run.reset();
    cost_.cpu.reset();
    cost_.note = std::move(note);
}

}  // namespace tally::stats
