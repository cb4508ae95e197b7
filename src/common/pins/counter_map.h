// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The counter map: opening, checking and reading it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/bpf/bpf_info.h"
#include "common/pins/counters.h"

namespace tally {

// What keeps a map from being read as counters: "xdp_stats cannot read ...: ..."; empty where nothing does.
// Pure.
std::string describe_unreadable_counters(const MapInfo& info);

class CounterMap {
  public:
    // Takes any map that counts as ours does: PERCPU_ARRAY or ARRAY, 4-byte key, 5 or 6 entries of 16 bytes.
    // A sixth entry (verdicts out of range in other people's maps) is added to XDP_ABORTED, as the kernel
    // treats them. kConflict, with the fields that differ in the details, for every other map.
    static Result<CounterMap> from_fd(UniqueFd fd);

    const MapInfo& info() const { return info_; }

    // One BPF_MAP_LOOKUP_BATCH where the kernel has it for this type (5.13), one lookup per entry elsewhere.
    // Needs no capability on a descriptor that was opened read-only (kernel 5.19).
    Result<void> read(Sample& sample);
    // Whether the last read was one batch lookup.
    bool reads_in_one_call() const { return batch_; }

  private:
    CounterMap(UniqueFd fd, MapInfo info, std::size_t cpus);

    Result<void> read_batch();
    Result<void> read_each();

    UniqueFd fd_;
    MapInfo info_;
    std::size_t cpus_;  // slots per entry: possible CPUs, 1 for a plain array
    bool batch_ = true;
    std::vector<std::uint32_t> keys_;
    std::vector<Counter> values_;  // entry-major: entries x cpus
};

// Counts come from packets alone: what holds counters of our layout is frozen (freeze_map). A map of another
// layout is left alone, as its own program in user space may write to it.
Result<void> freeze_counters(int fd);

// One reading through a descriptor that stays the caller's.
Result<Sample> read_counters(int fd);

}  // namespace tally
