// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The full-screen view: takes the samples, the keys and the notices, and draws.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "stats/live/list_page.h"
#include "stats/live/page.h"
#include "stats/live/screen.h"
#include "stats/live/screen_state.h"
#include "stats/model/consumer.h"

namespace tally::stats {

class View final : public Consumer {
  public:
    // What a source's map is pinned as; empty: not.
    using PinOf = std::function<std::string(std::size_t source)>;

    // The keys change the interval of `pace`, which is the loop's. From now on notices go to the screen.
    View(std::unique_ptr<Screen> screen, Pace& pace, Totals totals, PinOf pin_of);
    ~View() override;

    Result<bool> take(std::size_t source, const SampleReport& report) override;
    void forget(std::size_t source) override;
    Result<bool> end_round() override;
    int input() const override { return screen_->events(); }
    Result<bool> take_input() override;

  private:
    // False: the person wants to quit.
    bool handle_key(KeyPress press);
    bool handle_character(char character);
    bool move(std::ptrdiff_t by);
    void choose_next_totals();
    void pause();
    void draw();
    const ScreenState& shown() const { return held_ ? held_->model : model_; }

    // What is shown while the display is paused.
    struct Held {
        ScreenState model;
        std::string clock;
        double now = 0;
    };

    std::unique_ptr<Screen> screen_;
    Pace& pace_;
    PinOf pin_of_;
    ScreenState model_;
    LiveChoice choice_;
    ViewContext context_;
    std::optional<Held> held_;
};

}  // namespace tally::stats
