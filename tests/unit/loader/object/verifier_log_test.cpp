// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/verifier_log.h"

#include <bpf/libbpf.h>
#include <gmock/gmock.h>

#include <string>

namespace tally::loader {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST(VerifierLog, LastLines) {
    EXPECT_EQ(last_lines("one\ntwo\nthree\n", 2), "two\nthree");
    EXPECT_EQ(last_lines("one\ntwo\nthree", 3), "one\ntwo\nthree");
    EXPECT_EQ(last_lines("one\n\n", 5), "one");
    EXPECT_EQ(last_lines("\none", 2), "\none");
    EXPECT_EQ(last_lines("", 2), "");
}

TEST(VerifierLog, TheVerifiersLastLinesAreTheDetails) {
    std::string log = "first\n";
    for (int line = 0; line < 40; ++line) {
        log += std::to_string(line) + ": (85) call\n";
    }
    log += "invalid access to packet\n";
    const auto error = explain_failed_load(system_error(EACCES, "loading"), log, "libbpf: failed\n");
    EXPECT_EQ(error.kind, ErrorKind::kSystem);
    EXPECT_THAT(error.reason, HasSubstr("the verifier refuses it"));
    EXPECT_THAT(error.details, EndsWith("invalid access to packet"));
    EXPECT_THAT(error.details, Not(HasSubstr("first")));
}

TEST(VerifierLog, AMissingCapabilityIsNamed) {
    const auto error =
        explain_failed_load(system_error(EACCES, "loading"), "R1 pointer -= pointer prohibited\n", "");
    EXPECT_EQ(error.kind, ErrorKind::kPermission);
    EXPECT_THAT(error.hint, HasSubstr("CAP_PERFMON"));
}

TEST(VerifierLog, WithoutTheVerifierLibbpfsWarningsAreTheDetails) {
    const auto error =
        explain_failed_load(system_error(-LIBBPF_ERRNO__RELOC, "loading"), "", "a\nlibbpf: bad relo type\n");
    EXPECT_EQ(error.details, "a\nlibbpf: bad relo type");
    EXPECT_THAT(error.reason, HasSubstr("libbpf cannot handle it"));
}

}  // namespace
}  // namespace tally::loader
