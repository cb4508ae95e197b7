// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/shown_paths.h"

#include <gtest/gtest.h>

namespace tally {
namespace {

TEST(ShownPaths, AreReplacedWhereverTheyAre) {
    EXPECT_EQ(as_shown("opening /proc/7/root/sys/fs/bpf/eth0"), "opening /proc/7/root/sys/fs/bpf/eth0");
    show_path_as("/proc/7/root/sys/fs/bpf", "/sys/fs/bpf");
    EXPECT_EQ(as_shown("/proc/7/root/sys/fs/bpf/a, /proc/7/root/sys/fs/bpf"), "/sys/fs/bpf/a, /sys/fs/bpf");
    EXPECT_EQ(as_shown("/proc/77/root/sys/fs/bpf"), "/proc/77/root/sys/fs/bpf");
    show_path_as("", "");
    EXPECT_EQ(as_shown("/proc/7/root/sys/fs/bpf"), "/proc/7/root/sys/fs/bpf");
}

}  // namespace
}  // namespace tally
