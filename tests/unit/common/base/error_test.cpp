// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/base/error.h"

#include <gmock/gmock.h>

namespace {

// As taking memory does where there is little.
struct ChangesErrno {};

}  // namespace

template <>
struct fmt::formatter<ChangesErrno> {
    static constexpr auto parse(format_parse_context& context) { return context.begin(); }
    static auto format(const ChangesErrno& /*value*/, format_context& context) {
        errno = ENOMEM;
        return context.out();
    }
};

namespace tally {
namespace {

struct Code {
    int code;
    ErrorKind kind;
};

class ErrorOfCode : public testing::TestWithParam<Code> {};

TEST_P(ErrorOfCode, HasItsKindWhateverTheSign) {
    for (const int code : {GetParam().code, -GetParam().code}) {
        const Error error = system_error(code, "doing it");
        EXPECT_EQ(error.kind, GetParam().kind);
        EXPECT_EQ(error.code, GetParam().code);
        EXPECT_EQ(error.what, "doing it");
        EXPECT_FALSE(error.reason.empty());
    }
}

INSTANTIATE_TEST_SUITE_P(
    Error, ErrorOfCode,
    testing::Values(Code{EPERM, ErrorKind::kPermission}, Code{EACCES, ErrorKind::kPermission},
                    Code{ENOENT, ErrorKind::kNotFound}, Code{ENODEV, ErrorKind::kNotFound},
                    Code{ENXIO, ErrorKind::kNotFound}, Code{EEXIST, ErrorKind::kConflict},
                    Code{EBUSY, ErrorKind::kConflict}, Code{ENOMEM, ErrorKind::kSystem},
                    Code{EINVAL, ErrorKind::kSystem}, Code{524, ErrorKind::kSystem}));

TEST(Error, LastErrorReadsErrnoBeforeItMakesTheText) {
    errno = ENOENT;
    EXPECT_EQ(last_error("opening {}", ChangesErrno{}).code, ENOENT);
}

// Whoever asked is told whether it is so, or that the kernel could not say.
TEST(Error, OnlyWhatTheKernelCouldNotAnswerIsAFailedQuestion) {
    for (const int code : {EIO, ENOMEM, EINTR, EAGAIN, EMFILE, ENFILE, ENOBUFS}) {
        EXPECT_TRUE(is_failed_question(system_error(code, "asking"))) << code;
    }
    for (const int code : {ENOENT, ENODEV, ENOTDIR, ELOOP, ENAMETOOLONG, ESRCH, EACCES, EPERM, EEXIST, EBUSY,
                           EINVAL, EOPNOTSUPP, ENOSYS, 524}) {
        EXPECT_FALSE(is_failed_question(system_error(code, "asking"))) << code;
    }
    EXPECT_FALSE(is_failed_question(make_error(ErrorKind::kSystem, "reading", "not the kernel's word")));
}

TEST(Error, KindsAreTheExitStatusesOfTheContract) {
    EXPECT_EQ(exit_status(ErrorKind::kSystem), 1);
    EXPECT_EQ(exit_status(ErrorKind::kUsage), 2);
    EXPECT_EQ(exit_status(ErrorKind::kPermission), 3);
    EXPECT_EQ(exit_status(ErrorKind::kNotFound), 4);
    EXPECT_EQ(exit_status(ErrorKind::kConflict), 5);
    EXPECT_EQ(exit_status(ErrorKind::kUnmet), 6);
}

TEST(Error, KindsHaveNamesForMachines) {
    EXPECT_EQ(kind_name(ErrorKind::kSystem), "system");
    EXPECT_EQ(kind_name(ErrorKind::kUsage), "usage");
    EXPECT_EQ(kind_name(ErrorKind::kPermission), "permission");
    EXPECT_EQ(kind_name(ErrorKind::kNotFound), "not_found");
    EXPECT_EQ(kind_name(ErrorKind::kConflict), "conflict");
    EXPECT_EQ(kind_name(ErrorKind::kUnmet), "unmet");
}

TEST(Error, MessageIsWhatWasDoneAndWhyItFailed) {
    EXPECT_EQ(system_error(-ENOENT, "opening x").message(), "opening x: No such file or directory");
    EXPECT_EQ(make_error(ErrorKind::kConflict, "opening x", "it is a map").message(),
              "opening x: it is a map");
    EXPECT_EQ(make_error(ErrorKind::kConflict, "just so").message(), "just so");
}

TEST(Error, HintAndDetailsAreAdded) {
    const Error error = make_error(ErrorKind::kSystem, "a").with_hint("try b").with_details("c\nd\n");
    EXPECT_EQ(error.hint, "try b");
    EXPECT_EQ(error.details, "c\nd\n");
    EXPECT_EQ(error.message(), "a");
}

TEST(Error, LastErrorTakesErrno) {
    errno = EBUSY;
    const Error error = last_error("attaching");
    EXPECT_EQ(error.code, EBUSY);
    EXPECT_EQ(error.kind, ErrorKind::kConflict);
}

TEST(Error, DescribesTheKernelsOwnNumberToo) {
    EXPECT_EQ(describe_errno(524), "this kernel does not support it");
    EXPECT_EQ(describe_errno(-524), "this kernel does not support it");
    EXPECT_EQ(describe_errno(EPERM), "Operation not permitted");
}

}  // namespace
}  // namespace tally
