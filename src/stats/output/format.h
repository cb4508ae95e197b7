// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The formats: each turns samples into text, and knows neither BPF nor where the text goes.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <memory>

#include "stats/model/sample_report.h"

namespace tally::stats {

enum class Format { kTable, kBrief, kJson, kCsv, kPrometheus };
// What samples show beside the totals.
enum class Detail { kNone, kPerCpu, kPerProgram };

class SampleFormat {
  public:
    SampleFormat() = default;
    SampleFormat(const SampleFormat&) = delete;
    SampleFormat& operator=(const SampleFormat&) = delete;
    virtual ~SampleFormat() = default;

    // Appends one whole sample, which is readable. Table, JSON and CSV allocate nothing once the buffer has
    // grown and the device is known, where nothing is tracked.
    virtual void append(fmt::memory_buffer& buffer, const SampleReport& report) = 0;
    // append() takes samples that are not readable, too: there is something to say of them.
    virtual bool takes_unreadable() const { return false; }
    // A format that does not write each sample by itself appends all of the round.
    virtual void append_round(fmt::memory_buffer& /*buffer*/) {}
    // What follows is a document of its own.
    virtual void start_anew() {}
};

// A format that keeps names as it writes them begins anew beyond so many: devices come and go in a long run.
inline constexpr std::size_t kMostNames = 10'000;

// `terminal`: a person looks on, so the table groups digits and scales rates.
std::unique_ptr<SampleFormat> make_format(Format format, Detail detail, bool terminal);

std::unique_ptr<SampleFormat> make_table_format(Detail detail, bool terminal);
std::unique_ptr<SampleFormat> make_brief_format(bool terminal);
std::unique_ptr<SampleFormat> make_json_format(Detail detail);
std::unique_ptr<SampleFormat> make_csv_format(Detail detail);
std::unique_ptr<SampleFormat> make_prometheus_format();

}  // namespace tally::stats
