// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/exceptions.h"

#include <gmock/gmock.h>

#include <new>
#include <stdexcept>

namespace tally {
namespace {

TEST(WithoutExceptions, PassesValuesAndErrorsOn) {
    EXPECT_EQ(*without_exceptions([] { return Result<int>(7); }), 7);
    const auto failed =
        without_exceptions([] { return Result<int>(make_error(ErrorKind::kConflict, "it")); });
    EXPECT_EQ(failed.error().kind, ErrorKind::kConflict);
}

TEST(WithoutExceptions, TellsThatThereIsNoMemory) {
    const auto failed = without_exceptions([]() -> Result<void> { throw std::bad_alloc(); });
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, ErrorKind::kSystem);
    EXPECT_EQ(failed.error().code, ENOMEM);
    EXPECT_EQ(failed.error().message(), "out of memory");
}

TEST(WithoutExceptions, TellsWhatElseWasThrown) {
    const auto failed = without_exceptions([]() -> Result<void> { throw std::out_of_range("too far"); });
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, ErrorKind::kSystem);
    EXPECT_EQ(failed.error().message(), "unexpected failure: too far");
}

}  // namespace
}  // namespace tally
