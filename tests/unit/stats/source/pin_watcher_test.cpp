// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/pin_watcher.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace tally::stats {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// inotify is the same on every file system, so an ordinary directory stands for bpffs.
class PinWatcherTest : public testing::Test {
  protected:
    PinWatcherTest() {
        std::string name = (std::filesystem::temp_directory_path() / "pin-watcher-XXXXXX").string();
        root_ = ::mkdtemp(name.data());
    }
    ~PinWatcherTest() override { std::filesystem::remove_all(root_); }

    std::string make_directory(const std::string& name) const {
        std::filesystem::create_directory(root_ / name);
        return root_ / name;
    }
    void make_file(const std::string& name) const { std::ofstream(root_ / name) << "x"; }

    std::filesystem::path root_;
    PinWatcher watcher_;
};

TEST_F(PinWatcherTest, SeesPinsComeMoveAndGo) {
    const int watch = watcher_.watch(make_directory("veth0"));
    ASSERT_GE(watch, 0);
    EXPECT_THAT(watcher_.drain().watches, IsEmpty());
    make_file("veth0/a");
    EXPECT_THAT(watcher_.drain().watches, ElementsAre(watch));
    EXPECT_THAT(watcher_.drain().watches, IsEmpty());
    std::filesystem::rename(root_ / "veth0/a", root_ / "veth0/b");
    EXPECT_THAT(watcher_.drain().watches, ElementsAre(watch));
    std::filesystem::remove(root_ / "veth0/b");
    EXPECT_THAT(watcher_.drain().watches, ElementsAre(watch));
    EXPECT_FALSE(watcher_.drain().everything);
}

TEST_F(PinWatcherTest, TellsOfEventsThatNobodyHasTaken) {
    watcher_.watch(make_directory("veth0"));
    const auto before = watcher_.changes();
    EXPECT_EQ(watcher_.changes(), before);
    make_file("veth0/a");
    const auto after = watcher_.changes();
    EXPECT_NE(after, before);
    EXPECT_NE(watcher_.changes(), after) << "nobody has taken them";
    watcher_.drain();
    const auto taken = watcher_.changes();
    EXPECT_EQ(watcher_.changes(), taken);
    EXPECT_NE(taken, before);
}

TEST_F(PinWatcherTest, WatchesTheNearestDirectoryThatExists) {
    const std::string directory = root_ / "veth0";
    const int above = watcher_.watch(directory);
    ASSERT_GE(above, 0);
    make_directory("veth0");
    EXPECT_THAT(watcher_.drain().watches, ElementsAre(above));
    const int watch = watcher_.watch(directory);
    EXPECT_NE(watch, above);
    EXPECT_EQ(watcher_.watch(directory), watch);
    make_file("veth0/a");
    EXPECT_THAT(watcher_.drain().watches, ElementsAre(watch));
    EXPECT_GE(watcher_.watch(root_ / "no/such/path"), 0);
}

TEST_F(PinWatcherTest, SeesTheDirectoryGo) {
    const int watch = watcher_.watch(make_directory("veth0"));
    std::filesystem::remove(root_ / "veth0");
    EXPECT_THAT(watcher_.drain().watches, ElementsAre(watch));
    const int again = watcher_.watch(make_directory("veth0"));
    EXPECT_NE(again, watch);
}

TEST_F(PinWatcherTest, TellsDirectoriesApartAndEachOnce) {
    const int first = watcher_.watch(make_directory("veth0"));
    const int second = watcher_.watch(make_directory("veth1"));
    for (int i = 0; i < 1000; ++i) {  // more than fits into one read
        make_file("veth0/" + std::to_string(i));
    }
    make_file("veth1/x");
    EXPECT_THAT(watcher_.drain().watches, ElementsAre(first, second));
}

TEST_F(PinWatcherTest, LostEventsAreOfNoDirectory) {
    const int watch = watcher_.watch(make_directory("veth0"));
    make_file("veth0/a");
    std::size_t most = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> most;
    ASSERT_GT(most, 0U);
    for (std::size_t events = 0; events <= most; events += 4) {
        std::filesystem::rename(root_ / "veth0/a", root_ / "veth0/b");
        std::filesystem::rename(root_ / "veth0/b", root_ / "veth0/a");
    }
    const auto& events = watcher_.drain();
    EXPECT_TRUE(events.everything);
    EXPECT_THAT(events.watches, ElementsAre(watch));
}

}  // namespace
}  // namespace tally::stats
