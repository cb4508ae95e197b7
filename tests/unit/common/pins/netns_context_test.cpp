// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/netns_context.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "common/pins/pin_names.h"

namespace tally {
namespace {

NetnsContext place_of(const std::string& netns) {
    NetnsContext context;
    context.bpffs.path = "/sys/fs/bpf";
    context.netns = netns;
    return context;
}

TEST(NetnsContext, AnInterfaceHasADirectoryOfItsOwn) {
    EXPECT_EQ(place_of("").directory("eth0.100"), "/sys/fs/bpf/eth0%2E100");
    EXPECT_EQ(place_of("red").directory("eth0"), "/sys/fs/bpf/netns:red/eth0");
    EXPECT_EQ(place_of("red.1").directory("eth0"), "/sys/fs/bpf/netns:red%2E1/eth0");
}

TEST(NetnsContext, NoInterfaceCanHaveTheNameOfANamespacesDirectory) {
    EXPECT_FALSE(check_interface_name(netns_directory_name("red")));
}

TEST(NetnsContext, NamesOfNamespacesComeBackFromTheirDirectories) {
    for (const std::string netns : {"red", "red.1", "50%", "a:b"}) {
        EXPECT_EQ(netns_of_directory_name(netns_directory_name(netns)), netns);
    }
    for (const char* component : {"eth0", "netns", "netns:", "netns:%2E", "netns:%2E%2E", "xnetns:red"}) {
        EXPECT_FALSE(netns_of_directory_name(component)) << component;
    }
}

TEST(NetnsContext, TheNextCommandNamesWhatTheUserHasNamed) {
    NetnsContext context = place_of("4026532321");  // as bpffs calls it: no command can
    EXPECT_EQ(context.option("eth0"), "--dev eth0");
    context.netns_option = "/proc/17/ns/net";
    EXPECT_EQ(context.option("eth0"), "--netns /proc/17/ns/net --dev eth0");
    EXPECT_EQ(context.root_option(), "");
    context.bpffs_option = "/mnt/bpf";
    EXPECT_EQ(context.option("eth0"), "--bpffs /mnt/bpf --netns /proc/17/ns/net --dev eth0");
    EXPECT_EQ(context.root_option(), "--bpffs /mnt/bpf ");
}

TEST(NetnsContext, ANamespaceThatCannotBeOpenedIsNotGone) {
    const std::string netns = "no-such-namespace";
    const auto gone = inode_of_netns(netns);
    ASSERT_TRUE(gone);
    EXPECT_EQ(*gone, 0U);
    rlimit limit = {};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlimit none = {0, limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto unknown = inode_of_netns(netns);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_FALSE(unknown);
}

TEST(NetnsContext, APathThatLeadsNowhereIsNotFoundButANameIsAPlaceThatIsGone) {
    EXPECT_EQ(enter_netns_context("/no/such/file", "/sys/fs/bpf").error().kind, ErrorKind::kNotFound);
    const auto context = enter_netns_context("no-such-namespace", "/sys/fs/bpf");
    ASSERT_TRUE(context) << context.error().message();
    EXPECT_EQ(context->visibility, NetnsContext::Visibility::kGone);
    ASSERT_TRUE(context->obstacle);
    EXPECT_EQ(context->obstacle->kind, ErrorKind::kNotFound);
    const auto found = context->find("lo");
    ASSERT_TRUE(found);
    EXPECT_FALSE(*found);
    EXPECT_EQ(context->find("a/b").error().kind, ErrorKind::kUsage);
}

}  // namespace
}  // namespace tally
