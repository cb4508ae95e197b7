// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a run tells beside its results: on stderr, one line each; with -q nothing.
#pragma once

#include <functional>
#include <string>

namespace tally::stats {

inline constexpr const char* kProgramName = "xdp_stats";

class Notices {
  public:
    Notices() = default;
    Notices(bool quiet, bool verbose) : quiet_(quiet), verbose_(verbose) {}

    bool verbose() const { return verbose_; }

    // "xdp_stats: <title>: <text>"
    void say(const std::string& title, const std::string& text) const;

  private:
    bool quiet_ = false;
    bool verbose_ = false;
};

// From now on the notices of the process go there instead of stderr; an empty function: to stderr again. For
// the full-screen view.
using NoticeSink = std::function<void(const std::string& notice)>;
void redirect_notices(NoticeSink sink);

}  // namespace tally::stats
