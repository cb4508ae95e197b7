// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The programs of bpf/delivery.bpf.c and their maps, loaded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/pins/delivery.h"
#include "loader/delivery/tracepoints.h"

struct tally_delivery;  // of delivery.skel.h

namespace tally::loader {

// Maps that new programs go on counting into.
struct DeliveryMapFds {
    UniqueFd devices;
    UniqueFd cpumaps;
    UniqueFd overflow;
    UniqueFd programs;  // the counting program of each tracepoint
};

class DeliveryPrograms {
  public:
    // Rises with every change of what the programs do.
    static constexpr std::uint32_t kVersion = 1;

    // Has the verifier take them; nothing is attached or counted yet. Without `maps` with new ones, of which
    // those that are read are frozen. kSystem where the kernel has no type information, or refuses them.
    static Result<DeliveryPrograms> load(const DeliveryMapFds* maps);

    // Bits of the tracepoints that this kernel has.
    std::uint32_t available() const { return available_; }

    // Whatever is attached to the tracepoint goes on to these programs from now on.
    Result<void> renew(const Tracepoint& tracepoint) const;
    // Attaches one that goes on to the program that is set for it, for as long as the link lives.
    Result<UniqueFd> attach(const Tracepoint& tracepoint) const;

    // The kernel runs a program that removes the entry (BPF_PROG_TEST_RUN of raw tracepoints, 5.10): no
    // other way leads into a frozen map. One that is not there will do.
    Result<void> forget(const xdp_tally_delivery_key& key) const;
    Result<void> forget(const xdp_tally_cpumap_key& key) const;

    // Valid as long as this object lives.
    int devices_fd() const;
    int cpumaps_fd() const;
    int overflow_fd() const;
    int programs_fd() const;

  private:
    struct Destroyer {
        void operator()(tally_delivery* skeleton) const;
    };

    DeliveryPrograms() = default;
    Result<int> program_fd(const char* name) const;

    std::unique_ptr<tally_delivery, Destroyer> skeleton_;
    std::uint32_t available_ = 0;
};

}  // namespace tally::loader
