// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The full-screen view: takes the samples, the keys and the notices, and draws.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "stats/live/keys.h"
#include "stats/live/model/order.h"
#include "stats/live/terminal/screen.h"
#include "stats/model/consumer.h"

namespace tally::stats {

class Reader;
class ReaderSet;

class View final : public Consumer {
  public:
    // The keys change the interval of `pace`, which is the loop's, as `readers` are. From now on notices go
    // to the screen.
    View(std::unique_ptr<Screen> screen, Pace& pace, Totals totals, const ReaderSet& readers);
    ~View() override;

    Result<bool> take(std::size_t source, const SampleReport& report) override;
    void forget(std::size_t source) override;
    Result<bool> end_round() override;
    int input() const override { return screen_->events(); }
    Result<bool> take_input() override;

  private:
    // False: the person wants to quit.
    bool handle_key(KeyPress press);
    const Reader* find_reader(std::size_t source) const;
    void choose_next_totals();
    void hold_or_release();
    void refresh_facts();
    void draw();

    std::unique_ptr<Screen> screen_;
    Pace& pace_;
    const ReaderSet& readers_;
    ScreenState model_;
    LiveChoice choice_;
    ViewContext context_;
    DrawnPage drawn_;
    std::optional<double> held_at_;  // while the display is paused
    double clock_offset_;            // of the model's clock, which begins as the time of day
    double notice_time_ = 0;         // when the latest notice came
    double facts_time_ = 0;          // when the facts were asked for
    std::optional<std::size_t> facts_of_;
};

}  // namespace tally::stats
