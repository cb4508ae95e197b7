// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A program of ours that counts the verdicts of another XDP program: fexit, by which the kernel runs it right
// after the other.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/base/unique_handle.h"
#include "common/network/interface.h"

struct tally_observe;  // of observe.skel.h

namespace tally::loader {

class Observer {
  public:
    // Has the verifier take it; nothing is counted yet. Only packets of `interface` are going to be: the
    // target may run on others as well. Counts go into `counter_fd`, or into a new map. kSystem where the
    // kernel refuses tracing programs, and for a target that cannot be traced (no BTF, an unusual argument);
    // kPermission without CAP_SYS_ADMIN.
    static Result<Observer> load(std::uint32_t target_id, const Interface& interface,
                                 std::optional<int> counter_fd);

    // Counts from now on, for as long as the link lives (BPF_RAW_TRACEPOINT_OPEN). The target's memory is
    // kept as long, also when its owner has detached it.
    Result<UniqueFd> attach() const;

    // Valid as long as this object lives.
    int counter_fd() const;
    // The function the target begins with, by its whole name.
    const std::string& target_function() const { return function_; }

  private:
    struct Destroyer {
        void operator()(tally_observe* skeleton) const;
    };

    std::unique_ptr<tally_observe, Destroyer> skeleton_;
    std::string function_;
    std::string target_;  // for messages
};

}  // namespace tally::loader
