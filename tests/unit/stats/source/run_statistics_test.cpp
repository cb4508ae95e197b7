// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/run_statistics.h"

#include <gtest/gtest.h>

#include <memory>

namespace tally::stats {
namespace {

constexpr std::uint64_t kInode = 4026531840;

NetnsContext context_here() {
    NetnsContext context;
    context.inode = kInode;
    auto links = LinkSocket::open();
    if (links) {
        context.links = std::make_shared<LinkSocket>(std::move(*links));
    }
    return context;
}

// Of a program on the loopback device, where none is attached.
Meta meta_of(std::uint32_t kind, std::uint32_t mode = XDP_TALLY_MODE_NATIVE) {
    Meta meta = {};
    meta.attach_kind = kind;
    meta.attach_mode = mode;
    meta.program_id = 57;
    meta.ifindex = 1;
    meta.netns_inode = kInode;
    return meta;
}

std::string why_not(const NetnsContext& context, const Meta* meta,
                    const std::optional<std::string>& device = {}) {
    const auto found = find_measured_program(context, meta, device);
    return found ? "found" : found.error().message();
}

TEST(MeasuredProgram, IsTheOneOfALinkWhereverItsDeviceIs) {
    for (const std::uint32_t kind : {XDP_TALLY_ATTACH_LINK, XDP_TALLY_ATTACH_NETLINK}) {
        const auto meta = meta_of(kind);
        const auto found = find_measured_program(NetnsContext(), &meta, std::nullopt);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->id, 57U);
        EXPECT_FALSE(found->is_dispatcher);
    }
}

TEST(MeasuredProgram, OfADispatcherIsAskedOfTheHook) {
    const auto meta = meta_of(XDP_TALLY_ATTACH_DISPATCHER);
    EXPECT_EQ(why_not(context_here(), &meta), "no program is attached to the interface");
    auto elsewhere = meta;
    elsewhere.netns_inode = kInode + 1;
    EXPECT_EQ(why_not(context_here(), &elsewhere), "the interface cannot be asked for its program");
    EXPECT_EQ(why_not(NetnsContext(), &meta), "the interface cannot be asked for its program");
}

TEST(MeasuredProgram, IsNoneWhereNothingTells) {
    const auto offloaded = meta_of(XDP_TALLY_ATTACH_LINK, XDP_TALLY_MODE_OFFLOADED);
    EXPECT_EQ(why_not(context_here(), &offloaded), "the network card runs the program");
    EXPECT_EQ(why_not(context_here(), nullptr), "a map without a meta does not tell its program");
    EXPECT_EQ(why_not(context_here(), nullptr, "nosuch0"), "no program is attached to the interface");
}

}  // namespace
}  // namespace tally::stats
