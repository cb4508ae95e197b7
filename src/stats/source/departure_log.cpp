// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/departure_log.h"

#include <utility>

#include "common/network/netns_id.h"

namespace tally::stats {

DepartureLog DepartureLog::listen(std::shared_ptr<LinkSocket> links) {
    DepartureLog log;
    if (auto socket = LinkDepartures::open(); socket && links) {
        log.socket_ = std::move(*socket);
        log.links_ = std::move(links);
    }
    return log;
}

bool DepartureLog::drain() {
    if (!socket_) {
        return false;
    }
    bool news = false;
    for (const LinkDeparture& gone : socket_->drain()) {
        std::optional<Departure> departure;
        for (auto& [watcher, device] : watched_) {
            if (device.ifindex != gone.ifindex) {
                continue;
            }
            if (!departure) {
                // At once, because the kernel may give the number to another namespace.
                departure = gone.netns_id ? Departure{Departure::Kind::kMoved,
                                                      describe_netns_id(*links_, *gone.netns_id)}
                                          : Departure{Departure::Kind::kDeleted, {}};
            }
            device.departure = *departure;
            news = true;
        }
    }
    return news;
}

Departure DepartureLog::find(const void* watcher) {
    drain();
    const auto known = watched_.find(watcher);
    return known == watched_.end() ? Departure() : known->second.departure;
}

}  // namespace tally::stats
