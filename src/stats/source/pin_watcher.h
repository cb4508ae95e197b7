// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Notices at once when pins are created, renamed or removed; one inotify descriptor for all directories.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/unique_fd.h"

namespace tally::stats {

class PinWatcher {
  public:
    // Never fails: without inotify (too many instances) there are no events, and pins are looked at only when
    // samples are taken.
    PinWatcher();

    int fd() const { return fd_.get(); }

    // Watches a directory, or the nearest one above it while it does not exist. The watch's number, which
    // watches of the same directory share; -1 where it cannot be watched. Asking again costs one system call.
    int watch(const std::string& directory);

    struct Events {
        bool everything = false;   // events were lost
        std::vector<int> watches;  // with an event, each once
    };
    // Takes what has happened since the last call.
    const Events& drain();

    // As long as this is the same, no directory that is watched has had an event, and nothing was mounted or
    // unmounted, which causes none. One system call.
    std::uint64_t changes();

  private:
    UniqueFd fd_;
    UniqueFd mounts_;
    std::uint64_t changes_ = 0;
    Events events_;
};

}  // namespace tally::stats
