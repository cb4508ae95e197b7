// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The kernel's run-time statistics of BPF programs: switched on, and read (--cost).
#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"
#include "stats/model/program_cost.h"

namespace tally::stats {

// They are on for as long as this lives, or anybody else has them on: the kernel counts its holders.
class RunStatistics {
  public:
    // Measures what the kernel reports of a program that does nothing, and what being measured costs such a
    // program (BPF_PROG_TEST_RUN), then leaves them on. CAP_SYS_ADMIN (kPermission names it); kernel 5.8.
    static Result<RunStatistics> enable();

    // Nanoseconds: what a run of an empty program is reported as; what it takes longer than without.
    double empty() const { return empty_; }
    double overhead() const { return overhead_; }

    // By id, as the program must not be kept from being freed: CAP_SYS_ADMIN. kNotFound once it is gone.
    Result<RunReading> read(std::uint32_t program_id) const;

  private:
    static Result<RunStatistics> measure_and_enable();

    UniqueFd fd_;
    std::uint64_t enabled_at_ = 0;  // nanoseconds since the machine was started
    double empty_ = 0;
    double overhead_ = 0;
};

// Whose statistics tell the cost of the program that counts into a map: its own, or those of the dispatcher
// that calls it, which alone has some.
struct MeasuredProgram {
    std::uint32_t id = 0;
    bool is_dispatcher = false;
};

// Of a device's map: `meta` where it has one, and the device by its name where it has not. An error without a
// code, whose reason is for people, where nothing can be told.
Result<MeasuredProgram> find_measured_program(const NetnsContext& context, const Meta* meta,
                                              const std::optional<std::string>& device);

}  // namespace tally::stats
