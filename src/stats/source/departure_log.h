// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What became of the devices that were seen in a network namespace: deleted, or moved to another one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/network/link_departures.h"
#include "common/network/link_socket.h"

namespace tally::stats {

struct Departure {
    enum class Kind {
        kNotKnown,  // it is there, or went before anybody listened
        kDeleted,
        kMoved,
    };
    Kind kind = Kind::kNotKnown;
    std::string destination;  // with kMoved, as describe_netns_id has it; empty where nobody could tell
};

class DepartureLog {
  public:
    // Knows nothing.
    DepartureLog() = default;
    // Of the calling thread's network namespace, which `links` asks about, too. Never fails: it may know
    // nothing.
    static DepartureLog listen(std::shared_ptr<LinkSocket> links);

    // Readable when drain() may have something to take; -1: never.
    int fd() const { return socket_ ? socket_->fd() : -1; }
    // True: a device that is watched has gone.
    bool drain();

    // The device is there now. From now on its departure is remembered, and that of one which this watcher
    // has watched before is not.
    void watch(const void* watcher, std::uint32_t ifindex) { watched_[watcher] = {ifindex, {}}; }
    void forget(const void* watcher) { watched_.erase(watcher); }
    // Of the watcher's device, up to this moment.
    Departure find(const void* watcher);

  private:
    struct Device {
        std::uint32_t ifindex = 0;
        Departure departure;
    };

    std::optional<LinkDepartures> socket_;
    std::shared_ptr<LinkSocket> links_;
    std::map<const void*, Device> watched_;
};

}  // namespace tally::stats
