// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/verifier_log.h"

#include <gmock/gmock.h>

namespace tally::loader {
namespace {

using testing::EndsWith;
using testing::Eq;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kSum =
    "processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n";

std::string instructions(int count) {
    std::string log;
    for (int number = 0; number < count; ++number) {
        log += std::to_string(number) + ": (85) call bpf_ktime_get_ns#5\n";
    }
    return log;
}

TEST(VerifierLog, LastLines) {
    EXPECT_EQ(last_lines("one\ntwo\nthree\n", 2), "two\nthree");
    EXPECT_EQ(last_lines("one\ntwo\nthree", 3), "one\ntwo\nthree");
    EXPECT_EQ(last_lines("one\n\n", 5), "one");
    EXPECT_EQ(last_lines("\none", 2), "\none");
    EXPECT_EQ(last_lines("", 2), "");
}

TEST(VerifierLog, LastWarning) {
    EXPECT_EQ(last_warning("libbpf: one\nlibbpf: two\n"), "two");
    EXPECT_EQ(last_warning("libbpf: one\n-- END PROG LOAD LOG --\n"), "one");
    EXPECT_EQ(last_warning("one\n"), "");
    EXPECT_EQ(last_warning(""), "");
}

TEST(VerifierLog, TheReasonFollowsTheLastInstruction) {
    EXPECT_EQ(verifier_reason(instructions(3) + "R1 invalid mem access 'inv'\n" + kSum),
              "R1 invalid mem access 'inv'");
    EXPECT_EQ(verifier_reason(instructions(3) + "invalid access to packet, off=0 size=1, R1(id=0)\n" +
                              "R1 offset is outside of the packet\n" + kSum),
              "invalid access to packet, off=0 size=1, R1(id=0); R1 offset is outside of the packet");
    EXPECT_EQ(
        verifier_reason("cannot call kernel function from non-GPL compatible program\n" + std::string(kSum)),
        "cannot call kernel function from non-GPL compatible program");
    EXPECT_EQ(verifier_reason("back-edge from insn 3 to 1\n"), "back-edge from insn 3 to 1");
}

TEST(VerifierLog, StatesAreNoReason) {
    EXPECT_EQ(verifier_reason("; int entry() @ own.c:3\n5: (05) goto pc-1\n R0=inv1 R10=fp0\n"
                              "infinite loop detected at insn 5\ncur state: R0=1\nold state: R0=1\n"),
              "infinite loop detected at insn 5");
    EXPECT_EQ(verifier_reason("5: (95) exit\nR0_w=map_value(id=0,off=0)\n"), "");
    EXPECT_EQ(verifier_reason(""), "");
}

TEST(VerifierLog, AShortLogIsShownWhole) {
    const std::string log = "0: (b7) r0 = 0\nwrong\n";
    EXPECT_EQ(shorten_log(log + '\n'), "0: (b7) r0 = 0\nwrong");
    EXPECT_EQ(shorten_log(""), "");
}

TEST(VerifierLog, AMarkStandsForWhatIsLeftOut) {
    const std::string shown = shorten_log(instructions(30) + "wrong\n");
    EXPECT_THAT(shown, StartsWith("... (19 lines left out; -v shows all)\n19: "));
    EXPECT_THAT(shown, EndsWith("29: (85) call bpf_ktime_get_ns#5\nwrong"));
}

TEST(VerifierLog, TheSourceLineIsShownWhereverItIs) {
    const std::string log =
        "; before @ own.c:6\n1: (b7) r0 = 0\n; int x = p[9]; @ own.c:7\n" + instructions(30) + "wrong\n";
    EXPECT_THAT(shorten_log(log),
                StartsWith("... (21 lines left out; -v shows all)\n; int x = p[9]; @ own.c:7\n19: "));
    const std::string near = instructions(30) + "; int x = p[9]; @ own.c:7\n9: (b7) r0 = 0\nwrong\n";
    EXPECT_THAT(shorten_log("; before @ own.c:6\n" + near), Not(HasSubstr("before")));
}

TEST(VerifierLog, LongLinesAreCut) {
    const std::string shown = shorten_log("5: R0=" + std::string(5000, 'x') + "\nwrong\n");
    EXPECT_THAT(shown.size(), testing::Lt(1000U));
    EXPECT_THAT(shown, EndsWith("...\nwrong"));
}

TEST(VerifierLog, ACompleteLogEndsWithASum) {
    EXPECT_TRUE(is_complete(instructions(2) + "wrong\n" + kSum));
    EXPECT_FALSE(is_complete(instructions(2)));
    EXPECT_FALSE(is_complete(instructions(2) + "3: (85) ca"));
}

TEST(VerifierLog, ThereIsRoomForALongLog) {
    VerifierLog log;
    ASSERT_THAT(log.data(), testing::NotNull());
    EXPECT_THAT(log.size(), testing::Ge(std::size_t{1} << 20U));
    EXPECT_THAT(log.size(), testing::Le(std::size_t{1} << 30U));
    EXPECT_THAT(log.text(), Eq(""));
    log.data()[log.size() - 2] = 'x';  // it is there
}

}  // namespace
}  // namespace tally::loader
