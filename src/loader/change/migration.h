// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Counts that move from a replaced counter map to one of another layout (--migrate).
#pragma once

#include <memory>

#include "common/base/result.h"
#include "common/pins/counters.h"
#include "loader/object/map_layout.h"

struct bpf_object;

namespace tally::loader {

// True where entries of this layout mean what ours mean: 16 bytes, packets then bytes (by BTF where there is
// some), one entry an action, with or without one for unknown actions. The kind of array and its flags may be
// others. Pure.
bool counts_like_ours(const MapLayout& layout);

// Adds counts to a per-CPU counter map that is being fed, without losing a packet. Everything is added on the
// CPU that runs it: the split by CPU is not kept.
class CountMover {
  public:
    // Loads the program that does it, so that all that may be refused has been before anything is changed.
    // `meta_fd`: the map that remembers that it was done. BPF_PROG_TEST_RUN: kernel 4.12.
    static Result<CountMover> prepare(int counter_fd, int meta_fd);

    // Adds them and sets XDP_TALLY_META_MIGRATED in one run; does nothing where that is set already.
    Result<void> add(const Counters& counts);

  private:
    struct Closer {
        void operator()(bpf_object* object) const;
    };
    std::unique_ptr<bpf_object, Closer> object_;
};

}  // namespace tally::loader
