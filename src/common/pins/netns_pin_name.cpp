// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/netns_pin_name.h"

#include <fmt/format.h>

#include <atomic>
#include <vector>

#include "common/base/directory.h"
#include "common/network/netns.h"
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

// Kept for when privileges have been dropped, and the answer would be that this process may not look.
Result<std::optional<std::uint64_t>> initial_inode() {
    static std::atomic<std::uint64_t> known = 0;
    if (known == 0) {
        TALLY_ASSIGN_OR_RETURN(const auto initial, answer_of(netns_inode_at(kInitialNetns)));
        known = initial ? initial->value_or(0) : 0;
    }
    return known == 0 ? std::optional<std::uint64_t>() : std::optional<std::uint64_t>(known);
}

// None: this process may not look.
Result<std::optional<bool>> shares_bpffs_with_init(const std::string& bpffs) {
    const std::string root_of_init = "/proc/1/root";
    TALLY_ASSIGN_OR_RETURN(const auto visible, answer_of(status_of(root_of_init + '/')));
    TALLY_ASSIGN_OR_RETURN(const auto ours, answer_of(status_of(bpffs)));
    TALLY_ASSIGN_OR_RETURN(const auto inits, answer_of(status_of(root_of_init + bpffs)));
    return visible ? std::optional(ours && inits && ours->st_dev == inits->st_dev) : std::nullopt;
}

}  // namespace

Result<std::optional<std::string>> find_netns_pin_name(std::uint64_t inode, const std::string& bpffs) {
    TALLY_ASSIGN_OR_RETURN(const auto initial, initial_inode());
    if (initial == inode) {
        return std::optional(std::string());
    }
    TALLY_ASSIGN_OR_RETURN(auto name, netns_name(inode));
    if (!name.empty()) {
        return std::optional(std::move(name));
    }
    TALLY_ASSIGN_OR_RETURN(const auto shared, initial ? shares_bpffs_with_init(bpffs)
                                                      : Result<std::optional<bool>>(std::nullopt));
    return shared ? std::optional(*shared ? std::to_string(inode) : std::string()) : std::nullopt;
}

Result<std::string> netns_pin_name(std::uint64_t inode, const std::string& bpffs) {
    TALLY_ASSIGN_OR_RETURN(const auto initial, initial_inode());
    if (!initial) {
        return guess_pin_name(inode, bpffs);
    }
    TALLY_ASSIGN_OR_RETURN(auto name, find_netns_pin_name(inode, bpffs));
    return name.value_or(std::string());
}

}  // namespace tally
