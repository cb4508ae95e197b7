// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/vantage.h"

#include <utility>

#include "common/base/unique_fd.h"
#include "common/kernel/netns.h"

namespace tally::stats {
namespace {

Result<UniqueFd> open_by_pin_name(const std::string& netns) {
    return open_netns(netns.empty() ? "/proc/1/ns/net" : netns);
}

}  // namespace

Result<Vantage> look_from_here(NetnsContext context) {
    TALLY_ASSIGN_OR_RETURN(auto inode, current_netns_inode());
    TALLY_ASSIGN_OR_RETURN(auto links, LinkSocket::open());
    return Vantage{std::move(context), inode, std::move(links)};
}

Result<Vantage> look_from_afar(const std::string& netns, const NetnsContext& own) {
    Vantage vantage;
    vantage.context.bpffs = own.bpffs;
    vantage.context.bpffs_option = own.bpffs_option;
    vantage.context.netns = netns;
    vantage.context.netns_option = netns;
    vantage.context.visibility = NetnsContext::Visibility::kHidden;
    const auto there = open_by_pin_name(netns);
    const auto here = open_netns("/proc/thread-self/ns/net");
    if (!there || !here || !enter_netns(*there, netns)) {
        return vantage;
    }
    auto links = LinkSocket::open();
    TALLY_TRY(enter_netns(*here, "this command's own"));
    if (const auto inode = netns_inode(*there); inode && links) {
        vantage.inode = *inode;
        vantage.links = std::move(*links);
    }
    return vantage;
}

std::uint64_t inode_of_netns(const std::string& netns) {
    const auto fd = open_by_pin_name(netns);
    const auto inode = fd ? netns_inode(*fd) : Result<std::uint64_t>(0);
    return inode ? *inode : 0;
}

}  // namespace tally::stats
