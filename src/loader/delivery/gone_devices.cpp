// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/delivery/gone_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/directory.h"
#include "common/bpf/bpf_info.h"
#include "common/network/link_socket.h"
#include "common/network/netns.h"
#include "common/network/netns_list.h"
#include "common/pins/meta.h"
#include "common/pins/pin_names.h"

namespace tally::loader {
namespace {

using Indexes = std::set<std::uint32_t>;

// What the pins below a root of bpffs speak of.
struct PinnedDevices {
    std::set<std::pair<std::uint64_t, std::uint32_t>> places;  // namespace inode and ifindex
    std::set<std::uint32_t> map_ids;

    Result<void> add_all_of(const std::string& bpffs) {
        TALLY_ASSIGN_OR_RETURN(const auto names, list_directory(bpffs));
        for (const auto& name : names) {
            const std::string path = fmt::format("{}/{}", bpffs, name);
            if (!netns_of_directory_name(name)) {
                TALLY_TRY(add(path));
                continue;
            }
            const auto inner = list_directory(path);
            if (!inner && inner.error().code != ENOENT) {
                return inner.error();
            }
            for (const auto& device : inner ? *inner : std::vector<std::string>()) {
                TALLY_TRY(add(fmt::format("{}/{}", path, device)));
            }
        }
        return {};
    }

  private:
    // What is no meta of ours, or no directory, speaks of nothing.
    Result<void> add(const std::string& directory) {
        const auto meta = read_meta(directory + '/' + XDP_TALLY_META_NAME);
        if (!meta) {
            const auto kind = meta.error().kind;
            const bool none =
                kind == ErrorKind::kNotFound || kind == ErrorKind::kConflict || meta.error().code == ENOTDIR;
            return none ? Result<void>() : meta.error();
        }
        places.emplace(meta->netns_inode, meta->ifindex);
        map_ids.insert(std::begin(meta->map_ids), std::end(meta->map_ids));
        return {};
    }
};

// Those of `wanted` that a namespace does not have. None of them where it cannot be looked into.
Indexes missing_in(const KnownNetns& netns, Indexes wanted) {
    const auto fd = open_netns(netns.name);
    const auto inode = fd ? netns_inode(*fd) : fd.error();
    if (!inode || *inode != netns.inode) {
        return {};
    }
    const auto looked = inside_netns(*fd, netns.name, [&]() -> Result<void> {
        TALLY_ASSIGN_OR_RETURN(auto socket, LinkSocket::open());
        for (auto index = wanted.begin(); index != wanted.end();) {
            const auto link = socket.find(*index);
            if (!link && link.error().kind != ErrorKind::kNotFound) {
                return link.error();
            }
            index = link ? wanted.erase(index) : std::next(index);
        }
        return {};
    });
    return looked ? wanted : Indexes();
}

std::map<std::uint64_t, Indexes> find_missing(const std::map<std::uint64_t, Indexes>& wanted) {
    const auto known = list_namespaces();
    std::map<std::uint64_t, Indexes> missing;
    for (const auto& [inode, indexes] : wanted) {
        const auto netns =
            std::find_if(known.list.begin(), known.list.end(),
                         [inode = inode](const KnownNetns& candidate) { return candidate.inode == inode; });
        if (netns != known.list.end()) {
            missing[inode] = missing_in(*netns, indexes);
        } else if (known.complete) {
            missing[inode] = indexes;
        }
    }
    return missing;
}

}  // namespace

Result<GoneCounts> find_gone(const DeliveryCounts& counts, const std::string& bpffs) {
    PinnedDevices pinned;
    TALLY_TRY(pinned.add_all_of(bpffs));
    std::map<std::uint64_t, Indexes> wanted;
    for (const auto& [key, packets] : counts.devices) {
        if (!pinned.places.contains({key.netns_inode, key.ifindex})) {
            wanted[key.netns_inode].insert(key.ifindex);
        }
    }
    auto missing = find_missing(wanted);
    GoneCounts gone;
    for (const auto& [key, packets] : counts.devices) {
        if (missing[key.netns_inode].contains(key.ifindex)) {
            gone.devices.push_back(key);
        }
    }
    for (const auto& [key, packets] : counts.cpumaps) {
        if (!pinned.map_ids.contains(key.map_id)) {
            const auto map = open_map_by_id(key.map_id, true);
            if (!map && map.error().code == ENOENT) {
                gone.cpumaps.push_back(key);
            }
        }
    }
    return gone;
}

Result<bool> has_pinned_devices(const std::string& bpffs) {
    PinnedDevices pinned;
    TALLY_TRY(pinned.add_all_of(bpffs));
    return !pinned.places.empty();
}

Result<void> forget(const GoneCounts& gone, const DeliveryPrograms& programs) {
    for (const auto& key : gone.devices) {
        TALLY_TRY(programs.forget(key));
    }
    for (const auto& key : gone.cpumaps) {
        TALLY_TRY(programs.forget(key));
    }
    return {};
}

}  // namespace tally::loader
