// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Tells which interfaces have left a network namespace: by a move to another one, or deleted (RTM_DELLINK).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace tally {

struct LinkDeparture {
    std::uint32_t ifindex = 0;
    // It has moved to the namespace that this one knows by this number (LinkSocket::netns_id_of). None: it
    // was deleted.
    std::optional<std::int32_t> netns_id;
};

// None for a message that tells of no departure, as when a port leaves a bridge. Pure.
std::optional<LinkDeparture> parse_departure(std::string_view message);

class LinkDepartures {
  public:
    // Of the calling thread's network namespace, from now on. Needs no capability.
    static Result<LinkDepartures> open();

    // Readable when there is something to take; nothing else wakes whoever waits for it.
    int fd() const { return fd_.get(); }

    // Those since the last call, the earliest first; some are missing where there were too many. Who has been
    // told that an interface is not there finds its departure here: the kernel announces it before it answers
    // so. Does not block.
    const std::vector<LinkDeparture>& drain();

  private:
    explicit LinkDepartures(UniqueFd fd) : fd_(std::move(fd)) {}

    UniqueFd fd_;
    std::vector<LinkDeparture> departures_;
};

}  // namespace tally
