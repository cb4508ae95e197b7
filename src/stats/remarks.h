// What a run has to say beside its results: on stderr, one line each, and nothing with -q.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace tally::stats {

inline constexpr const char* kProgramName = "xdp_stats";

class Remarks {
  public:
    Remarks(bool quiet, bool verbose) : quiet_(quiet), verbose_(verbose) {}

    bool verbose() const { return verbose_; }

    void say(const std::string& title, const std::string& text) const {
        if (!quiet_) {
            fmt::print(stderr, "{}: {}: {}\n", kProgramName, title, text);
        }
    }

  private:
    bool quiet_;
    bool verbose_;
};

}  // namespace tally::stats
