// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/load_failure.h"

#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <linux/bpf.h>

#include "common/bpf/library_log.h"

namespace tally::loader {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kEnd = "processed 7 insns (limit 1000000) max_states_per_insn 0\n";

Error refused(int code, const std::string& log, const std::string& license = "GPL") {
    return explain_failed_load(system_error(code, "loading"), log, "libbpf: failed\n", license);
}

Error unresolved(const std::string& warnings) {
    return explain_failed_load(system_error(ESRCH, "loading"), "",
                               warnings + "libbpf: failed to load object 'x'\n", "GPL");
}

TEST(LoadFailure, TheVerifiersWordsAreTheReason) {
    const auto error =
        refused(EACCES, std::string("0: (85) call\nR1 offset is outside of the packet\n") + kEnd);
    EXPECT_EQ(error.kind, ErrorKind::kSystem);
    EXPECT_EQ(error.reason, "the verifier refuses it: R1 offset is outside of the packet");
    EXPECT_THAT(error.hint, HasSubstr("data_end"));
    EXPECT_THAT(error.details, HasSubstr("0: (85) call"));
}

TEST(LoadFailure, AFullLogHidesNothingThatIsThere) {
    const auto complete = refused(ENOSPC, std::string("0: (85) call\nwrong\n") + kEnd);
    EXPECT_EQ(complete.reason, "the verifier refuses it: wrong");
    const auto cut = refused(ENOSPC, "0: (85) call\n1: (85) ca");
    EXPECT_THAT(cut.reason, HasSubstr("its log does not fit"));
    EXPECT_THAT(cut.reason, Not(HasSubstr("No space left")));
}

TEST(LoadFailure, WithVerboseTheWholeLogIsShown) {
    std::string log = "first\n";
    for (int line = 0; line < 100; ++line) {
        log += "5: (85) call\n";
    }
    EXPECT_THAT(refused(EINVAL, log).details, Not(HasSubstr("first")));
    route_library_log(true);
    const auto error = refused(EINVAL, log);
    route_library_log(false);
    EXPECT_THAT(error.details, StartsWith("first\n"));
    EXPECT_THAT(error.details, Not(HasSubstr("left out")));
}

TEST(LoadFailure, AMissingCapabilityIsNamedOnlyWhereItIsMissing) {
    // Whoever runs this, root or not, lacks it or has it.
    const auto error = refused(EACCES, "R1 pointer -= pointer prohibited\n");
    if (error.kind == ErrorKind::kPermission) {
        EXPECT_THAT(error.hint, HasSubstr("CAP_PERFMON"));
    } else {
        EXPECT_THAT(error.hint, Not(HasSubstr("CAP_PERFMON")));
    }
}

TEST(LoadFailure, AMissingFieldOfTheKernelIsNamed) {
    const auto error =
        refused(EINVAL,
                "0: <invalid CO-RE relocation>\nfailed to resolve CO-RE relocation <byte_off> [8] "
                "struct sk_buff.gone (0:0 @ offset 0)\n");
    EXPECT_EQ(error.reason, "it uses 'struct sk_buff.gone', which this kernel does not have");
}

TEST(LoadFailure, AMissingLicenseIsSaid) {
    const std::string log =
        "3: (85) call\ncannot call GPL-restricted function from non-GPL compatible program\n";
    EXPECT_THAT(refused(EINVAL, log, "").reason, EndsWith("it has no license"));
    EXPECT_THAT(refused(EINVAL, log, "MIT").reason, EndsWith("its license is 'MIT'"));
    for (const auto* license : {"", "MIT"}) {
        EXPECT_THAT(refused(EINVAL, log, license).hint,
                    AllOf(HasSubstr("in the place of any other: char LICENSE[] SEC(\"license\") = \"GPL\";"),
                          Not(HasSubstr("XDP_TALLY_LINEAR"))));
    }
    const std::string kfunc = "cannot call kernel function from non-GPL compatible program\n";
    EXPECT_THAT(refused(EINVAL, kfunc, "MIT").hint, HasSubstr("#define XDP_TALLY_LINEAR"));
}

TEST(LoadFailure, WhatTheKernelLacksIsNamed) {
    EXPECT_THAT(
        unresolved("libbpf: extern (func ksym) 'new_one': not found in kernel or module BTFs\n").reason,
        StartsWith("it uses 'new_one', a kernel function"));
    EXPECT_THAT(unresolved("libbpf: extern (var ksym) 'new_one': not found in kernel BTF\n").reason,
                StartsWith("it uses 'new_one', a kernel variable"));
    EXPECT_THAT(unresolved("libbpf: extern 'CONFIG_NEW' (strong): not resolved\n").reason,
                StartsWith("it uses 'CONFIG_NEW', a kernel setting"));
    EXPECT_THAT(unresolved("libbpf: extern 'new_one' (strong): not resolved\n").reason,
                StartsWith("it uses 'new_one', a kernel symbol"));
    EXPECT_THAT(unresolved("libbpf: Error loading vmlinux BTF: -3\n").hint,
                HasSubstr("CONFIG_DEBUG_INFO_BTF"));
}

TEST(LoadFailure, WithoutTheVerifierLibbpfsWarningsAreTheDetails) {
    const auto error = explain_failed_load(system_error(-LIBBPF_ERRNO__RELOC, "loading"), "",
                                           "a\nlibbpf: bad relo type\n", "GPL");
    EXPECT_EQ(error.details, "a\nlibbpf: bad relo type");
    EXPECT_THAT(error.reason, HasSubstr("libbpf cannot handle it"));
    EXPECT_THAT(error.reason, EndsWith("bad relo type"));
}

TEST(LoadFailure, WhatWasRefusedIsFoundInTheWarnings) {
    const std::string map =
        "libbpf: other 'x'\nlibbpf: map 'late': failed to create: Argument list too long(-7)\n";
    EXPECT_EQ(refused_map(map), "late");
    EXPECT_EQ(refused_program(map), std::nullopt);
    const std::string program = "libbpf: prog 'target': BPF program load failed: Permission denied\n";
    EXPECT_EQ(refused_map(program), "");
    EXPECT_EQ(refused_program(program), "target");
    EXPECT_EQ(refused_map(""), "");
}

MapLayout layout_of_type(std::uint32_t type, std::uint32_t max_entries, std::uint32_t value_size = 8) {
    MapLayout layout;
    layout.type = type;
    layout.key_size = 4;
    layout.value_size = value_size;
    layout.max_entries = max_entries;
    return layout;
}

TEST(LoadFailure, AMapWithoutEntriesWaitsForItsOwnProgram) {
    const auto checked = check_new_map("late", layout_of_type(BPF_MAP_TYPE_HASH, 0), std::nullopt);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().message(), AllOf(HasSubstr("map late"), HasSubstr("no max_entries")));
    EXPECT_TRUE(check_new_map("events", layout_of_type(BPF_MAP_TYPE_PERF_EVENT_ARRAY, 0), std::nullopt));
    EXPECT_TRUE(check_new_map("small", layout_of_type(BPF_MAP_TYPE_HASH, 1), std::nullopt));
}

TEST(LoadFailure, AMapHasToFit) {
    const auto layout = layout_of_type(BPF_MAP_TYPE_ARRAY, 1U << 20U);
    EXPECT_TRUE(check_new_map("map", layout, std::uint64_t{8} << 20U));
    const auto checked = check_new_map("map", layout, std::uint64_t{7} << 20U);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().reason, AllOf(HasSubstr("at least 8 MiB"), HasSubstr("7 MiB of memory")));
}

TEST(LoadFailure, TheTableOfAHashHasToFit) {
    auto layout = layout_of_type(BPF_MAP_TYPE_HASH, (1U << 20U) + 1);
    layout.flags = BPF_F_NO_PREALLOC;
    EXPECT_TRUE(check_new_map("map", layout, std::uint64_t{32} << 20U));  // 2 Mi buckets of 16 bytes
    const auto checked = check_new_map("map", layout, std::uint64_t{31} << 20U);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().reason, HasSubstr("at least 32 MiB"));
    EXPECT_EQ(checked.error().hint, "give it fewer max_entries");
}

TEST(LoadFailure, AHashMayGrowInstead) {
    auto layout = layout_of_type(BPF_MAP_TYPE_HASH, 1U << 20U);
    const std::uint64_t table = std::uint64_t{16} << 20U;
    const auto checked = check_new_map("map", layout, table);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().hint,
              "give it fewer max_entries, or map_flags BPF_F_NO_PREALLOC, so that it grows as it is filled");
    layout.flags = BPF_F_NO_PREALLOC;
    EXPECT_TRUE(check_new_map("map", layout, table));
}

TEST(LoadFailure, ARefusedMapIsExplainedByItsLayout) {
    const auto explain = [](int code, const MapLayout& layout) {
        return explain_refused_map(system_error(code, "loading"), "late", layout, "").message();
    };
    EXPECT_THAT(explain(E2BIG, layout_of_type(BPF_MAP_TYPE_CPUMAP, 100000)),
                AllOf(HasSubstr("cpumap of 100000 entries"), HasSubstr("CPUs")));
    EXPECT_THAT(explain(E2BIG, layout_of_type(BPF_MAP_TYPE_PERCPU_ARRAY, 1, 65536)),
                AllOf(HasSubstr("65536 bytes"), HasSubstr("32768")));
    EXPECT_THAT(explain(E2BIG, layout_of_type(BPF_MAP_TYPE_HASH, 1U << 31U)),
                HasSubstr("2147483648 entries are more than this kernel allows in a hash"));
    EXPECT_THAT(explain(ENOMEM, layout_of_type(BPF_MAP_TYPE_ARRAY, 1U << 20U)),
                AllOf(HasSubstr("no memory for its 1048576 entries"), HasSubstr("8 MiB")));
    const auto inner = explain_refused_map(system_error(EINVAL, "loading"), "outer",
                                           layout_of_type(BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4),
                                           "libbpf: map 'outer': failed to create inner map: -22\n");
    EXPECT_THAT(inner.message(), HasSubstr("map outer: the kernel refuses the maps that are its values"));
}

}  // namespace
}  // namespace tally::loader
