// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/pin_watcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace tally::stats {
namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |
                                  IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR;

}  // namespace

PinWatcher::PinWatcher() : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

std::uint64_t PinWatcher::changes() {
    std::array<pollfd, 2> watched = {{{fd_.get(), POLLIN, 0}, {mounts_.get(), POLLPRI, 0}}};
    // A change of the mounts is told once, events until they are taken.
    if (!mounts_ || ::poll(watched.data(), watched.size(), 0) != 0) {
        ++changes_;
    }
    return changes_;
}

int PinWatcher::watch(const std::string& directory) {
    if (!mounts_) {
        mounts_ = UniqueFd(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    }
    std::string path = directory;
    while (true) {
        const int number = ::inotify_add_watch(fd_.get(), path.c_str(), kEvents);
        const auto parent = path.find_last_of('/');
        if (number >= 0 || errno != ENOENT || parent == std::string::npos || path.size() == 1) {
            return number;
        }
        path.resize(std::max<std::size_t>(parent, 1));
    }
}

const PinWatcher::Events& PinWatcher::drain() {
    events_.everything = false;
    events_.watches.clear();
    alignas(inotify_event) std::array<char, 4096> buffer = {};
    for (ssize_t size = 0; (size = ::read(fd_.get(), buffer.data(), buffer.size())) > 0;) {
        for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
            inotify_event event = {};
            std::memcpy(&event, buffer.data() + at, sizeof(event));
            at += sizeof(event) + event.len;
            if ((event.mask & IN_Q_OVERFLOW) != 0) {  // of no watch
                events_.everything = true;
            } else if (std::find(events_.watches.begin(), events_.watches.end(), event.wd) ==
                       events_.watches.end()) {
                events_.watches.push_back(event.wd);
            }
        }
    }
    return events_;
}

}  // namespace tally::stats
