// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/netns.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/base/unique_fd.h"

namespace tally {
namespace {

using testing::HasSubstr;

// Every kernel tells the kind of a namespace. An emulator that does not know the question answers instead of
// it.
bool kinds_are_told() {
    const UniqueFd own(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    return own && ::ioctl(own.get(), NS_GET_NSTYPE) >= 0;
}

TEST(Netns, TheCurrentOneHasANumber) {
    if (!kinds_are_told()) {
        GTEST_SKIP() << "the kind of a namespace is not told";
    }
    const auto inode = current_netns_inode();
    ASSERT_TRUE(inode);
    EXPECT_GT(*inode, 0U);
    const auto netns = open_netns("/proc/self/ns/net");
    ASSERT_TRUE(netns) << netns.error().message();
    EXPECT_EQ(*netns_inode(*netns), *inode);
}

TEST(Netns, WhatCannotBeANameIsAUsageError) {
    for (const char* name : {"", ".", ".."}) {
        EXPECT_EQ(open_netns(name).error().kind, ErrorKind::kUsage) << name;
    }
    EXPECT_EQ(check_netns_name("a/b").error().kind, ErrorKind::kUsage);
    EXPECT_TRUE(check_netns_name("red.1"));
}

TEST(Netns, OneThatDoesNotExistIsNotFound) {
    for (const char* name : {"no-such-namespace", "/proc/self/ns/no-such-file"}) {
        const auto netns = open_netns(name);
        ASSERT_FALSE(netns);
        EXPECT_EQ(netns.error().kind, ErrorKind::kNotFound);
        EXPECT_THAT(netns.error().what, HasSubstr(name));
        EXPECT_FALSE(netns.error().hint.empty());
    }
}

// What Linux 5.10 shows of a process that one may not look at.
TEST(Netns, ADirectoryInPlaceOfTheLinkIsADenial) {
    std::string root = testing::TempDir() + "netnsXXXXXX";
    ASSERT_NE(::mkdtemp(root.data()), nullptr);
    const std::string path = root + "/ns/net";
    std::filesystem::create_directories(path);
    EXPECT_EQ(open_netns(path).error().kind, ErrorKind::kPermission);
    const auto inode = netns_inode_at(path);
    std::filesystem::remove_all(root);
    ASSERT_FALSE(inode);
    EXPECT_EQ(inode.error().kind, ErrorKind::kPermission);
}

TEST(Netns, AFileOfAnotherKindIsAUsageError) {
    if (!kinds_are_told()) {
        GTEST_SKIP() << "the kind of a namespace is not told";
    }
    EXPECT_THAT(open_netns("/proc/self/ns/mnt").error().reason, HasSubstr("another kind"));
    EXPECT_EQ(open_netns("/proc/self/ns/mnt").error().kind, ErrorKind::kUsage);
    EXPECT_THAT(open_netns("/etc/passwd").error().reason, HasSubstr("not a namespace"));
    EXPECT_EQ(open_netns("/etc/passwd").error().kind, ErrorKind::kUsage);
}

TEST(Netns, AFifoOrDeviceIsNotWaitedFor) {
    if (!kinds_are_told()) {
        GTEST_SKIP() << "the kind of a namespace is not told";
    }
    std::string root = ::testing::TempDir() + "xdp_tally.XXXXXX";
    ASSERT_NE(::mkdtemp(root.data()), nullptr);
    const std::string fifo = root + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    for (const std::string& path : {fifo, root, std::string("/dev/null")}) {
        const auto opened = open_netns(path);
        EXPECT_FALSE(opened) << path;
        EXPECT_EQ(opened.error().kind, ErrorKind::kUsage) << path;
    }
    std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace tally
