// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

#include "temporary_directory.h"

namespace tally {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

// With a file, a directory, and a symbolic link that leads nowhere.
class InDirectory : public testing::Test {
  protected:
    void SetUp() override {
        std::ofstream(path_ + "/file") << std::string(kLength, 'x');
        ASSERT_EQ(::mkdir((path_ + "/inside").c_str(), S_IRWXU), 0);
        ASSERT_EQ(::symlink("nowhere", (path_ + "/link").c_str()), 0);
    }

    static constexpr std::size_t kLength = 10000;
    TemporaryDirectory directory_;
    std::string path_ = directory_.path();
};

// No descriptor is left, so that every question that takes one fails.
class NoDescriptors {
  public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &limit_);
        rlimit none = limit_;
        none.rlim_cur = 0;
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &limit_); }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;

  private:
    rlimit limit_ = {};
};

TEST_F(InDirectory, IsListedInOrder) {
    const auto names = list_directory(path_);
    ASSERT_TRUE(names);
    EXPECT_THAT(*names, ElementsAre("file", "inside", "link"));
}

TEST_F(InDirectory, WhatIsNoDirectoryHasNothingInIt) {
    for (const auto* const name : {"/missing", "/file", "/file/below"}) {
        const auto names = list_directory_if_any(path_ + name);
        ASSERT_TRUE(names) << name;
        EXPECT_THAT(*names, IsEmpty()) << name;
    }
}

TEST(Processes, AreListedByNumber) {
    const auto processes = list_processes();
    ASSERT_TRUE(processes);
    EXPECT_TRUE(std::is_sorted(processes->begin(), processes->end()));
    EXPECT_THAT(*processes, Contains(1));
    EXPECT_THAT(*processes, Contains(::getpid()));
}

TEST_F(InDirectory, WithoutADescriptorNobodyKnowsWhatIsInIt) {
    const NoDescriptors none;
    for (const auto& answer : {list_directory(path_), list_directory_if_any(path_)}) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, EMFILE);
    }
}

TEST_F(InDirectory, APathExistsAlsoAsALinkThatLeadsNowhere) {
    for (const auto* const name : {"", "/file", "/inside", "/link"}) {
        const auto there = path_exists(path_ + name);
        ASSERT_TRUE(there) << name;
        EXPECT_TRUE(*there) << name;
    }
    for (const auto* const name : {"/missing", "/file/below", "/missing/below"}) {
        const auto there = path_exists(path_ + name);
        ASSERT_TRUE(there) << name;
        EXPECT_FALSE(*there) << name;
    }
}

TEST(DirectoryOf, IsWhatIsBeforeTheLastSlash) {
    EXPECT_EQ(directory_of("/sys/fs/bpf/eth0"), "/sys/fs/bpf");
    EXPECT_EQ(directory_of("pins/counters"), "pins");
    EXPECT_EQ(directory_of("/pins/"), "/pins");
    EXPECT_EQ(directory_of("counters"), ".");
    EXPECT_EQ(directory_of("/counters"), "/");
    EXPECT_EQ(directory_of("/"), "/");
}

TEST(NameOf, IsWhatFollowsTheLastSlash) {
    EXPECT_EQ(name_of("/sys/fs/bpf/eth0"), "eth0");
    EXPECT_EQ(name_of("counters"), "counters");
    EXPECT_EQ(name_of("/pins/"), "");
}

TEST_F(InDirectory, ALinkIsLookedAtOrWhereItLeads) {
    const auto itself = status_of(path_ + "/link", AT_SYMLINK_NOFOLLOW);
    ASSERT_TRUE(itself);
    EXPECT_TRUE(S_ISLNK(itself->st_mode));
    const auto target = status_of(path_ + "/link");
    ASSERT_FALSE(target);
    EXPECT_EQ(target.error().code, ENOENT);
    EXPECT_EQ(target.error().what, "looking at " + path_ + "/link");
    EXPECT_EQ(status_of(path_ + "/file")->st_size, static_cast<off_t>(kLength));
}

TEST_F(InDirectory, AFileIsReadWhole) {
    const auto text = read_file(path_ + "/file");
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, std::string(kLength, 'x'));
    EXPECT_EQ(read_file(path_ + "/missing").error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(read_file(path_ + "/inside").error().code, EISDIR);
}

}  // namespace
}  // namespace tally
