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
    for (const LinkDeparture& departure : socket_->drain()) {
        const auto known = watched_.find(departure.ifindex);
        if (known == watched_.end()) {
            continue;
        }
        news = true;
        // At once, because the kernel may give the number to another namespace.
        known->second = departure.netns_id ? Departure{Departure::Kind::kMoved,
                                                       describe_netns_id(*links_, *departure.netns_id)}
                                           : Departure{Departure::Kind::kDeleted, {}};
    }
    return news;
}

void DepartureLog::watch(std::uint32_t ifindex) {
    if (Departure& known = watched_[ifindex]; known.kind != Departure::Kind::kNotKnown) {
        known = {};
    }
}

Departure DepartureLog::find(std::uint32_t ifindex) {
    drain();
    const auto known = watched_.find(ifindex);
    return known == watched_.end() ? Departure() : known->second;
}

}  // namespace tally::stats
