// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/surroundings.h"

#include <gmock/gmock.h>

#include <cerrno>

namespace tally::loader {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Error blamed(const Surroundings& surroundings) {
    auto error = system_error(surroundings.error, "loading").with_hint("run it as root");
    error.details = "libbpf: raise RLIMIT_MEMLOCK";
    return blame_surroundings(std::move(error), surroundings);
}

TEST(Surroundings, TheUserNamespaceComesFirst) {
    Surroundings surroundings = {EPERM};
    surroundings.initial_user_namespace = false;
    surroundings.seccomp_filter = true;
    surroundings.every_bpf_call_refused = true;
    const auto error = blamed(surroundings);
    EXPECT_EQ(error.kind, ErrorKind::kPermission);
    EXPECT_THAT(error.reason, HasSubstr("user namespace"));
    EXPECT_THAT(error.hint, Not(HasSubstr("as root")));
    EXPECT_EQ(error.details, "");
}

TEST(Surroundings, AFilterIsBlamedForWhatItRefuses) {
    for (const int code : {EPERM, ENOSYS}) {
        Surroundings surroundings = {code};
        surroundings.seccomp_filter = true;
        surroundings.every_bpf_call_refused = true;
        surroundings.lockdown = "integrity";
        EXPECT_THAT(blamed(surroundings).reason, HasSubstr("a seccomp filter refuses bpf(2)"));
        surroundings.every_bpf_call_refused = false;
        EXPECT_THAT(blamed(surroundings).reason, Not(HasSubstr("a seccomp filter refuses bpf(2)")));
    }
}

TEST(Surroundings, AKernelWithoutBpf) {
    EXPECT_THAT(blamed({ENOSYS}).hint, HasSubstr("CONFIG_BPF_SYSCALL"));
}

TEST(Surroundings, Lockdown) {
    Surroundings surroundings = {EPERM};
    surroundings.lockdown = "confidentiality";
    EXPECT_THAT(blamed(surroundings).reason, HasSubstr("locked down (confidentiality)"));
    surroundings.lockdown = "none";
    EXPECT_THAT(blamed(surroundings).reason, Not(HasSubstr("locked down")));
}

TEST(Surroundings, TheLimitOfLockedMemory) {
    Surroundings surroundings = {EPERM};
    surroundings.counts_locked_memory = true;
    EXPECT_THAT(blamed(surroundings).hint, HasSubstr("ulimit -l"));
}

TEST(Surroundings, WhatIsLeftIsASecurityModule) {
    Surroundings surroundings = {EACCES};
    surroundings.security_modules = "lockdown,selinux";
    EXPECT_THAT(blamed(surroundings).hint, HasSubstr("lockdown,selinux"));
    EXPECT_THAT(blamed(surroundings).reason, AllOf(HasSubstr("security module"), Not(HasSubstr("seccomp"))));
}

TEST(Surroundings, TheChosenLockdown) {
    EXPECT_EQ(chosen_lockdown("none [integrity] confidentiality"), "integrity");
    EXPECT_EQ(chosen_lockdown("[none] integrity confidentiality"), "none");
    EXPECT_EQ(chosen_lockdown(""), "");
    EXPECT_EQ(chosen_lockdown("]["), "");
}

}  // namespace
}  // namespace tally::loader
