// A process that does something when this one is gone without having done it itself.
#pragma once

#include <sys/types.h>

#include <functional>

#include "common/result.h"
#include "common/unique_fd.h"

namespace tally::loader {

class Guardian {
  public:
    // Forks, and returns once the new process is ready. It waits, in a session of its own and deaf to the
    // terminal, with nothing of this process's output open, until this process has ended, however it ended;
    // then it runs `last_will`.
    static Result<Guardian> start(const std::function<void()>& last_will);

    Guardian(Guardian&&) = default;
    // Dismisses it: there is nothing left to do.
    ~Guardian();

  private:
    Guardian(pid_t pid, UniqueFd lifeline) : pid_(pid), lifeline_(std::move(lifeline)) {}

    pid_t pid_ = -1;
    UniqueFd lifeline_;
};

}  // namespace tally::loader
