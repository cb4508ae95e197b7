// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/bpf/dispatcher_directory.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "temporary_directory.h"

namespace tally {
namespace {

using testing::AllOf;
using testing::Field;
using testing::SizeIs;

class DispatcherDirectoryTest : public testing::Test {
  protected:
    void SetUp() override { ::setenv("LIBXDP_BPFFS", bpffs_.c_str(), 1); }
    void TearDown() override { ::unsetenv("LIBXDP_BPFFS"); }
    void make(const std::string& name) const { std::filesystem::create_directories(bpffs_ / "xdp" / name); }

    TemporaryDirectory directory_;
    std::filesystem::path bpffs_ = directory_.path();
};

TEST_F(DispatcherDirectoryTest, NothingWhereLibxdpHasNotBeen) {
    const auto all = list_dispatcher_directories();
    ASSERT_TRUE(all);
    EXPECT_THAT(*all, SizeIs(0));
}

TEST_F(DispatcherDirectoryTest, TheDispatchersOwnIdIsTheSecondNumber) {
    make("dispatch-7-12");
    make("dispatch-12-7");
    const auto found = find_dispatcher_directory(7);
    ASSERT_TRUE(found && *found);
    EXPECT_THAT(**found, AllOf(Field(&DispatcherDirectory::ifindex, 12U),
                               Field(&DispatcherDirectory::dispatcher_id, 7U),
                               Field(&DispatcherDirectory::path, bpffs_ / "xdp/dispatch-12-7")));
    const auto none = find_dispatcher_directory(2);
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
}

TEST_F(DispatcherDirectoryTest, OtherNamesAreNobodysDispatcher) {
    for (const char* const name :
         {"dispatch", "dispatch-", "dispatch-7", "dispatch-7-", "dispatch--7", "dispatch-x-7",
          "dispatch-7-12-", "dispatch-7-12x", "dispatch-7-12-3", "dispatch-4294967296-7", "dispatch-7--12",
          "xdispatch-7-12", "eth0", "-7"}) {
        make(name);
    }
    const auto all = list_dispatcher_directories();
    ASSERT_TRUE(all);
    EXPECT_THAT(*all, SizeIs(0)) << all->front().path;
}

TEST_F(DispatcherDirectoryTest, AFileInItsPlaceIsNoDirectory) {
    std::ofstream(bpffs_ / "xdp") << "something else";
    const auto all = list_dispatcher_directories();
    ASSERT_TRUE(all) << all.error().message();
    EXPECT_THAT(*all, SizeIs(0));
}

}  // namespace
}  // namespace tally
