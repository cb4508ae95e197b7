// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A process that does something when this one is gone without having done it itself.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace tally::loader {

class Guardian {
  public:
    using LastWill = std::function<void(const std::vector<std::uint32_t>& told)>;

    // Forks, and returns once the new process is ready. It waits, in a session of its own and deaf to the
    // terminal, with nothing of this process's output open, until this process has ended, however it ended;
    // then it runs `last_will` with what it has been told, in that order.
    static Result<Guardian> start(const LastWill& last_will);

    // For the last will: once this returns, it knows. Nobody is told where it has been killed.
    void tell(std::uint32_t number) const;

    Guardian(Guardian&&) = default;
    // Dismisses it: there is nothing left to do.
    ~Guardian();

  private:
    Guardian(pid_t pid, UniqueFd lifeline) : pid_(pid), lifeline_(std::move(lifeline)) {}

    pid_t pid_ = -1;
    UniqueFd lifeline_;
};

}  // namespace tally::loader
