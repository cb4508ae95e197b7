// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/process_lock.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "temporary_directory.h"

namespace tally {
namespace {

class ProcessLock : public testing::Test {
  protected:
    TemporaryDirectory parent_;
    std::string directory_ = parent_.path();
    std::string path_ = directory_ + "/+run";
};

TEST_F(ProcessLock, IsHeldAsLongAsItsDescriptor) {
    EXPECT_FALSE(*process_lock_is_held(path_));
    {
        const auto lock = take_process_lock(path_);
        ASSERT_TRUE(lock && *lock);
        EXPECT_TRUE(*process_lock_is_held(path_));
        const auto second = take_process_lock(path_);
        ASSERT_TRUE(second);
        EXPECT_FALSE(*second);
    }
    EXPECT_FALSE(*process_lock_is_held(path_));
}

TEST_F(ProcessLock, WhoCannotAskDoesNotKnow) {
    Meta meta = {};
    EXPECT_FALSE(*is_of_ended_run(meta, directory_));
    meta.flags = XDP_TALLY_META_RUN;
    EXPECT_TRUE(*is_of_ended_run(meta, directory_));

    rlimit limit = {};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlimit none = limit;
    none.rlim_cur = 0;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto held = process_lock_is_held(path_);
    const auto ended = is_of_ended_run(meta, directory_);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().code, EMFILE);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, EMFILE);
}

}  // namespace
}  // namespace tally
