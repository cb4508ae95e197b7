// The formats. Each output turns blocks into text and knows neither BPF nor where the text goes.
#pragma once

#include <fmt/format.h>

#include <memory>

#include "stats/block.h"
#include "stats/options.h"

namespace tally::stats {

class Output {
  public:
    Output() = default;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    virtual ~Output() = default;

    // Appends one whole record, of a block that is readable. Allocates nothing once the buffer has grown and
    // the device is known.
    virtual void append(fmt::memory_buffer& buffer, const Block& block) = 0;
    // There is something to say of blocks that are not readable: append() takes them, too.
    virtual bool takes_unreadable() const { return false; }
    // Formats that do not write block by block append all of the round's.
    virtual void append_round(fmt::memory_buffer& /*buffer*/) {}
    // What follows is a document of its own.
    virtual void start_anew() {}
};

// `terminal`: a person looks on, so the table groups digits and scales rates.
std::unique_ptr<Output> make_output(Format format, Detail detail, bool terminal);

std::unique_ptr<Output> make_table_output(Detail detail, bool terminal);
std::unique_ptr<Output> make_json_output(Detail detail);
std::unique_ptr<Output> make_csv_output(Detail detail);
std::unique_ptr<Output> make_prometheus_output();

}  // namespace tally::stats
