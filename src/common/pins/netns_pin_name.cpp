// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/netns_pin_name.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "common/base/directory.h"
#include "common/kernel/netns.h"
#include "common/pins/bpffs.h"
#include "common/pins/meta.h"

namespace tally {
namespace {

// For those who may not look at process 1: what the metas of the pins say.
Result<std::string> guess_pin_name(std::uint64_t inode, const std::string& bpffs) {
    bool others = false;
    TALLY_ASSIGN_OR_RETURN(const auto directories, list_directory_if_any(bpffs));
    for (const auto& directory : directories) {
        TALLY_ASSIGN_OR_RETURN(const auto meta,
                               find_trusted_meta(fmt::format("{}/{}", bpffs, directory), bpffs));
        if (meta && meta->netns_inode == inode) {
            return std::string();
        }
        others = others || meta;
    }
    TALLY_ASSIGN_OR_RETURN(auto name, netns_name(inode));
    return name.empty() && others ? std::to_string(inode) : std::move(name);
}

Result<bool> shares_bpffs_with_init(const std::string& bpffs) {
    TALLY_ASSIGN_OR_RETURN(const auto ours, answer_of(status_of(bpffs)));
    TALLY_ASSIGN_OR_RETURN(const auto inits, answer_of(status_of("/proc/1/root" + bpffs)));
    return ours && inits && ours->st_dev == inits->st_dev;
}

}  // namespace

Result<std::string> netns_pin_name(std::uint64_t inode, const std::string& bpffs) {
    TALLY_ASSIGN_OR_RETURN(const auto initial, answer_of(netns_inode_at("/proc/1/ns/net")));
    if (!initial || !*initial) {
        return guess_pin_name(inode, bpffs);
    }
    if (**initial == inode) {
        return std::string();
    }
    TALLY_ASSIGN_OR_RETURN(auto name, netns_name(inode));
    if (!name.empty()) {
        return name;
    }
    TALLY_ASSIGN_OR_RETURN(const bool shared, shares_bpffs_with_init(bpffs));
    return shared ? std::to_string(inode) : std::string();
}

}  // namespace tally
