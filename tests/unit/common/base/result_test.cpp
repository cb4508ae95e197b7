// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/result.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>

namespace tally {
namespace {

Error failure(const char* what) {
    return make_error(ErrorKind::kConflict, what, "because");
}

TEST(Result, HoldsAValueOrAnError) {
    Result<int> good = 7;
    EXPECT_TRUE(good);
    EXPECT_TRUE(good.has_value());
    EXPECT_EQ(*good, 7);
    *good = 8;
    EXPECT_EQ(good.value(), 8);

    const Result<int> bad = failure("x");
    EXPECT_FALSE(bad);
    EXPECT_EQ(bad.error().what, "x");
    EXPECT_EQ(bad.error().kind, ErrorKind::kConflict);
}

TEST(Result, OfVoidIsGoodUnlessAnErrorIsPutIn) {
    const Result<void> good;
    EXPECT_TRUE(good);
    const Result<void> bad = failure("x");
    EXPECT_FALSE(bad);
    EXPECT_EQ(bad.error().message(), "x: because");
}

TEST(Result, MovesOutWhatCannotBeCopied) {
    Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
    EXPECT_EQ(**result, 5);
    const std::unique_ptr<int> taken = std::move(result).value();
    EXPECT_EQ(*taken, 5);
}

Result<void> step(bool works, int& taken) {
    ++taken;
    if (!works) {
        return failure("step");
    }
    return {};
}

Result<int> two_steps(bool first, bool second, int& taken) {
    TALLY_TRY(step(first, taken));
    TALLY_TRY(step(second, taken));
    return 42;
}

TEST(Try, HandsUpTheFirstErrorAndStopsThere) {
    int taken = 0;
    EXPECT_EQ(*two_steps(true, true, taken), 42);
    EXPECT_EQ(taken, 2);
    taken = 0;
    EXPECT_EQ(two_steps(false, true, taken).error().what, "step");
    EXPECT_EQ(taken, 1);
    taken = 0;
    EXPECT_EQ(two_steps(true, false, taken).error().what, "step");
    EXPECT_EQ(taken, 2);
}

Result<std::unique_ptr<int>> make(bool works) {
    if (!works) {
        return failure("make");
    }
    return std::make_unique<int>(20);
}

Result<int> use(bool works) {
    TALLY_ASSIGN_OR_RETURN(auto made, make(works));
    TALLY_ASSIGN_OR_RETURN(auto other, make(true));
    return *made + *other;
}

TEST(TryAssign, DeclaresTheValueOrHandsUpTheError) {
    EXPECT_EQ(*use(true), 40);
    EXPECT_EQ(use(false).error().what, "make");
}

TEST(AnswerOf, AValueIsAnAnswer) {
    auto answer = answer_of(Result<std::unique_ptr<int>>(std::make_unique<int>(5)));
    ASSERT_TRUE(answer);
    ASSERT_TRUE(*answer);
    EXPECT_EQ(***answer, 5);
}

TEST(AnswerOf, ANoIsAnAnswerWithoutAValue) {
    for (const int code : {ENOENT, EACCES, EPERM, EINVAL, ENOTDIR}) {
        const auto answer = answer_of(Result<int>(system_error(code, "x")));
        ASSERT_TRUE(answer) << code;
        EXPECT_FALSE(*answer) << code;
    }
    const auto answer = answer_of(Result<int>(failure("x")));
    ASSERT_TRUE(answer);
    EXPECT_FALSE(*answer);
}

TEST(AnswerOf, AFailedQuestionIsHandedUpAsItIs) {
    for (const int code : {ENOMEM, EMFILE, EIO, EINTR}) {
        const auto answer = answer_of(Result<int>(system_error(code, "x")));
        ASSERT_FALSE(answer) << code;
        EXPECT_EQ(answer.error().code, code);
        EXPECT_EQ(answer.error().what, "x");
    }
}

}  // namespace
}  // namespace tally
