// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/moved_device.h"

#include <gtest/gtest.h>

namespace tally::stats {
namespace {

TEST(DispatcherCache, LeavesAloneWhatIsNoDispatcher) {
    DispatcherCache cache;
    Link link;
    link.interface.ifindex = 7;
    EXPECT_EQ(cache.look_inside(link, true)->interface.ifindex, 7U) << "nothing is attached";
    link.hook.program = HookProgram{0, XDP_TALLY_MODE_NATIVE};  // no program has this id
    EXPECT_FALSE(cache.look_inside(link, true)->hook.dispatcher);
    EXPECT_FALSE(cache.look_inside(make_error(ErrorKind::kNotFound, "looking"), true));
    EXPECT_FALSE(cache.knows(1));
}

}  // namespace
}  // namespace tally::stats
