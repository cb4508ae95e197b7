// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Waits until every expectation holds for every source, and says what was seen.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "stats/expect/expression.h"
#include "stats/model/consumer.h"

namespace tally::stats {

class ExpectationCheck final : public Consumer {
  public:
    // `titles` are those of the readers, in their order.
    ExpectationCheck(std::vector<Expectation> expectations, std::vector<std::string> titles);

    Result<bool> take(std::size_t source, const SampleReport& report) override;
    Result<bool> end_round() override { return !all_held(); }
    bool needs_stdout() const override { return false; }

    // In the latest round, all of them at once.
    bool all_held() const;

    // A line for each expectation and source.
    std::string describe() const;
    // The same as one JSON object; `waited` is how long the run took.
    std::string describe_as_json(std::chrono::nanoseconds waited) const;
    // The error that says how many did not hold: within a time, as the user typed it, or until an interrupt.
    Error unmet(const std::optional<std::string>& within) const;

  private:
    struct Judgement {
        std::size_t source = 0;
        std::size_t expectation = 0;
        Seen seen;
        bool held = false;
    };

    std::vector<Expectation> expectations_;
    std::vector<std::string> titles_;
    std::vector<Judgement> judgements_;
    std::vector<bool> seen_before_;  // per source: the first sample covers too short a time for a rate
};

}  // namespace tally::stats
