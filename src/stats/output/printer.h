// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Writes every sample to stdout, or every round to a file.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "stats/model/consumer.h"
#include "stats/output/format.h"

namespace tally::stats {

// One write for a whole sample, so that two readers of a pipe do not get a part each. False when the run is
// over: nobody reads any more, or a signal came while the other end did not read.
Result<bool> write_to_stdout(std::string_view text);

// Where samples go.
class Destination {
  public:
    virtual ~Destination() = default;

    // A sample; for a file, all of a round. False: the run is over.
    virtual Result<bool> write(std::string_view text) = 0;
    // The file holds a single round.
    virtual bool holds_one_round() const { return false; }
};

class Stdout final : public Destination {
  public:
    Result<bool> write(std::string_view text) override { return write_to_stdout(text); }
};

class Printer final : public Consumer {
  public:
    // Both must outlive the printer.
    Printer(SampleFormat& output, Destination& destination) : output_(output), destination_(destination) {}

    Result<bool> take(std::size_t source, const SampleReport& report) override;
    Result<bool> end_round() override;
    bool needs_stdout() const override { return !destination_.holds_one_round(); }

  private:
    Result<bool> flush();

    SampleFormat& output_;
    Destination& destination_;
    fmt::memory_buffer buffer_;
};

}  // namespace tally::stats
