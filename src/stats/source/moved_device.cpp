// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/moved_device.h"

#include <linux/capability.h>

#include <utility>

#include "common/base/clock.h"
#include "common/bpf/capability_sets.h"
#include "common/bpf/dispatcher.h"
#include "common/network/netns.h"
#include "common/pins/program_search.h"

namespace tally::stats {
namespace {

// A search takes at most one part of so many of the time.
constexpr std::int64_t kSearchShare = 50;

std::string path_of(const ProgramPlace& place) {
    if (!place.netns_option.empty()) {
        return place.netns_option;
    }
    return netns_path(place.netns);
}

}  // namespace

Result<Link> DispatcherCache::look_inside(Result<Link> link, bool in_dispatcher) {
    if (!link || !in_dispatcher || !link->hook.program) {
        return link;
    }
    const std::uint32_t program = link->hook.program->id;
    if (program != known_program_) {
        if (auto dispatcher = read_dispatcher(*link->hook.program)) {
            dispatcher_ = std::move(*dispatcher);
            known_program_ = program;
        }
    }
    if (dispatcher_ && dispatcher_->program_id == program) {
        link->hook.dispatcher = dispatcher_;
    }
    return link;
}

const MovedDevice::Finding& MovedDevice::look(const Meta& meta, const std::optional<LinkInfo>& link,
                                              const NetnsContext& own, DispatcherCache& dispatchers,
                                              std::int64_t now) {
    if (meta.program_id != program_id_) {
        forget();  // what is known is about another one
        program_id_ = meta.program_id;
    }
    if (!has_capability(CAP_SYS_ADMIN)) {
        finding_ = {};
    } else if (!is_still_there(meta, dispatchers)) {
        const bool was_found = finding_.hook.has_value();
        if (was_found || now >= next_search_) {
            const std::int64_t begin = nanoseconds_of(CLOCK_MONOTONIC);
            search(meta, link, own);
            next_search_ = now + kSearchShare * (nanoseconds_of(CLOCK_MONOTONIC) - begin);
        }
    }
    return finding_;
}

void MovedDevice::forget() {
    finding_ = {};
    netns_path_.clear();
    next_search_ = 0;
}

bool MovedDevice::is_still_there(const Meta& meta, DispatcherCache& dispatchers) {
    if (netns_path_.empty()) {
        return false;
    }
    const auto netns = open_netns(netns_path_);
    const auto inode = netns ? netns_inode(*netns) : Result<std::uint64_t>(0);
    if (!inode || *inode != finding_.netns_inode) {
        return false;
    }
    auto link = inside_netns(*netns, netns_path_, [&]() -> Result<Link> {
        TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
        return dispatchers.look_inside(socket.find(ifindex_),
                                       meta.attach_kind == XDP_TALLY_ATTACH_DISPATCHER);
    });
    if (!link || !link->hook.find(meta.program_id)) {
        return false;
    }
    finding_.hook = std::move(link->hook);
    finding_.interface = std::move(link->interface.name);
    return true;
}

void MovedDevice::search(const Meta& meta, const std::optional<LinkInfo>& link, const NetnsContext& own) {
    finding_ = {};
    netns_path_.clear();
    auto found = find_program(meta, link, own);
    if (!found) {
        return;
    }
    finding_.searched = found->complete;
    finding_.life = found->life;
    if (found->place) {
        finding_.hook = std::move(found->place->link.hook);
        finding_.netns_inode = found->place->netns_inode;
        finding_.netns = found->place->netns;
        finding_.interface = found->place->link.interface.name;
        netns_path_ = path_of(*found->place);
        ifindex_ = found->place->link.interface.ifindex;
    }
}

}  // namespace tally::stats
