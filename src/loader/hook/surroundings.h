// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Who refuses bpf(2) to a process that has the capabilities it takes: where it runs, not who it is.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"

namespace tally::loader {

// What decides about it, as /proc and /sys have it.
struct Surroundings {
    int error = 0;                       // the errno of loading a program that every kernel takes
    bool initial_user_namespace = true;  // capabilities in any other do not count for BPF
    bool seccomp_filter = false;
    bool every_bpf_call_refused = false;  // even one that takes no privilege
    bool counts_locked_memory = false;    // RLIMIT_MEMLOCK holds for BPF (kernels before 5.11), and is finite
    std::string lockdown = {};            // "none", "integrity", "confidentiality"; empty where there is none
    std::string security_modules = {};    // separated by commas
};

// Its reason and hint become those of the surroundings. Pure.
Error blame_surroundings(Error error, const Surroundings& surroundings);

// Between the brackets of "none [integrity] confidentiality". Pure.
std::string_view chosen_lockdown(std::string_view text);

// An error as it is, unless the kernel has said "not permitted" to a process that has the capabilities, and
// says so of the simplest program, too.
Error explain_surroundings(Error error);

}  // namespace tally::loader
