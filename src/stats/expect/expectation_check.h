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
    // `titles` are those of the readers, in their order. The expectations have to hold in all rounds for
    // `settle`. What holds from the first round on has all that time: then `pace`, which is the loop's, gets
    // a later limit.
    ExpectationCheck(std::vector<Expectation> expectations, std::vector<std::string> titles,
                     std::chrono::nanoseconds settle, Pace& pace);

    Result<bool> take(std::size_t source, const SampleReport& report) override;
    Result<bool> end_round() override { return judge(std::chrono::steady_clock::now()); }
    bool needs_stdout() const override { return false; }

    // At the end of a round. False: the run is over, as all is met, or one cannot be met any more.
    bool judge(std::chrono::steady_clock::time_point now);
    bool met() const { return met_; }
    // The source of the first expectation that cannot be met any more, as more was counted than it allows.
    std::optional<std::size_t> exceeded() const;

    // An expectation is about what becomes of packets, and nothing tracks that.
    bool lacks_tracking() const;

    // A line for each expectation and source; unless all is met, also what each source has counted.
    std::string describe() const;
    // The same as one JSON object; `waited` is how long the run took.
    std::string describe_as_json(std::chrono::nanoseconds waited) const;
    // The error that says what was not met: within a time, as the user typed it, or until an interrupt.
    // `settle` is how the user typed that, too.
    Error unmet(const std::optional<std::string>& within, const std::string& settle) const;

  private:
    struct Judgement {
        std::size_t source = 0;
        std::size_t expectation = 0;
        Seen seen;
        bool held = false;
        bool exceeded = false;
        std::string hindrance = {};  // why it will not hold in this run; empty: it may
    };
    struct Watched {
        std::string title;
        bool seen_before = false;  // the first sample covers too short a time for a rate
        bool readable = false;     // in the latest round
        bool is_over = false;      // as SampleReport::is_over, in the latest round
        ActionValues actions = {};
        CounterValues total = {};
        DeliveryReport delivery;
        bool untracked = false;  // what becomes of packets
    };

    const Expectation& expectation_of(const Judgement& judgement) const {
        return expectations_[judgement.expectation];
    }
    std::string hindrance(const Judgement& judgement, const SampleReport& report) const;
    bool all_held() const;
    std::vector<Judgement>::const_iterator first_hindered() const;

    std::vector<Expectation> expectations_;
    std::vector<Watched> sources_;
    std::vector<Judgement> judgements_;
    std::chrono::nanoseconds settle_;
    Pace& pace_;
    bool any_round_ = false;
    std::optional<std::chrono::steady_clock::time_point> held_since_;  // all of them, in every round
    bool met_ = false;
};

}  // namespace tally::stats
