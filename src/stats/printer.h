// Writes every block to stdout.
#pragma once

#include <string_view>
#include <vector>

#include "common/result.h"
#include "stats/loop.h"
#include "stats/output.h"

namespace tally::stats {

// One write for a whole record, so that it is not torn between two readers of a pipe. False when the run is
// over: nobody reads any more, or a signal came while the other end did not read.
Result<bool> write_record(std::string_view record);

class Printer final : public Consumer {
  public:
    explicit Printer(Output& output) : output_(output) {}

    Result<bool> take(std::size_t source, const Block* block) override;

  private:
    Output& output_;
    fmt::memory_buffer buffer_;
};

// One block of every reader, as start() found it.
Result<void> print_once(std::vector<Reader>& readers, Output& output);

}  // namespace tally::stats
