// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a program costs, from the kernel's run-time statistics (struct bpf_prog_info). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace tally::stats {

// One reading of one program's statistics.
struct RunReading {
    std::uint32_t program_id = 0;
    std::uint64_t runs = 0;
    std::uint64_t nanoseconds = 0;  // that all of them took together, as the kernel reports it
    std::int64_t time = 0;          // of the reading: nanoseconds, CLOCK_MONOTONIC
    // It was loaded while this command runs: all of its runs are counted.
    bool is_new = false;
};

// Of the program that counts into a map, or of the dispatcher that calls it. What the measuring itself takes
// is taken off.
struct ProgramCost {
    std::uint32_t program_id = 0;      // 0: not known which
    std::optional<double> ns_per_run;  // since the reading before; none where it has not run meanwhile
    std::optional<double> cpu;         // the share of one CPU's time, 1 for all of it
    std::string note;                  // what else there is to know: why nothing is known, or of what it is
    std::uint64_t session_runs = 0;    // while this command ran, of all programs that took their turn
    double session_nanoseconds = 0;    // the same
};

// For people: "23.4 ns a run, 0.120 % of a CPU".
std::string cost_text(const ProgramCost& cost);

class CostMeter {
  public:
    // `empty`: nanoseconds that the kernel reports of a run that does nothing.
    explicit CostMeter(double empty = 0) : empty_(empty) {}

    // Two readings of one program, one after the other, make a cost; never those of two programs. `note`:
    // beside what is known.
    void take(const RunReading& reading, std::string note = {});
    // There is nothing to read now. The program may come back.
    void miss(std::string note);

    const ProgramCost& cost() const { return cost_; }

  private:
    double empty_;
    std::optional<RunReading> before_;
    bool missed_ = false;           // since then: its next reading ends no period
    std::set<std::uint32_t> seen_;  // programs that were read
    ProgramCost cost_;
};

}  // namespace tally::stats
