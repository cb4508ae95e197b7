// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The terminal as a full screen. The only place that knows ncurses.
#pragma once

#include <memory>
#include <optional>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "stats/live/paint/canvas.h"
#include "stats/live/terminal/key_press.h"

namespace tally::stats {

// There can be one at a time. The terminal is restored by the destructor, and while the process is stopped
// (Ctrl-Z).
class Screen {
  public:
    // kUsage where stdin or stdout is no terminal; kSystem for a terminal that cannot be drawn on, or whose
    // description is missing. Draws nothing.
    static Result<void> check();
    // After check().
    static Result<std::unique_ptr<Screen>> open();

    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen();

    int width() const;
    int height() const;
    Look look() const { return look_; }

    void show(const Canvas& canvas);
    // The next show() draws every cell anew.
    void forget_contents();

    // Readable when there may be a key, or something has happened to the terminal.
    int events() const { return events_.get(); }
    // Handles what has happened to the terminal: another size, or Ctrl-Z, which stops the process here.
    // False: the terminal is gone.
    bool process_signals();
    std::optional<KeyPress> next_key();

  private:
    Screen(UniqueFd events, UniqueFd signals, Look look);

    void begin();
    void set_colours();
    void apply(Style style);
    void leave();
    void stop();

    UniqueFd events_;   // epoll
    UniqueFd signals_;  // written to by signal handlers
    Look look_;
};

}  // namespace tally::stats
