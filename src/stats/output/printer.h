// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Writes every sample to stdout, or every round to a file.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "stats/model/consumer.h"
#include "stats/output/format.h"
#include "stats/output/output_file.h"

namespace tally::stats {

// One write for a whole sample, so that two readers of a pipe do not get a part each. False when the run is
// over: nobody reads any more, or a signal came while the other end did not read.
Result<bool> write_to_stdout(std::string_view text);

class Printer final : public Consumer {
  public:
    // Both must outlive the printer. Without a file, to stdout.
    Printer(SampleFormat& output, const OutputFile* file) : output_(output), file_(file) {}

    Result<bool> take(std::size_t source, const SampleReport& report) override;
    Result<bool> end_round() override;
    bool needs_stdout() const override { return file_ == nullptr; }

  private:
    Result<bool> flush();

    SampleFormat& output_;
    const OutputFile* file_;
    fmt::memory_buffer buffer_;
};

}  // namespace tally::stats
