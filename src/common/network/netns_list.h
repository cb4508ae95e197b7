// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which network namespaces there are, as far as this process can tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace tally {

struct KnownNetns {
    std::uint64_t inode = 0;
    std::string name;  // as open_netns takes it: a name below /run/netns, or the path of a process's file
};

struct KnownNamespaces {
    std::vector<KnownNetns> list;  // each once: that of process 1, those with a name, those of processes
    // Every process that this one's process namespace has could be asked. One that is held by a descriptor
    // or a mount elsewhere, and has no process, is in no list.
    bool complete = true;
    std::optional<Error> trouble = {};  // the first question that the kernel could not answer
};

// Needs CAP_SYS_PTRACE, or the same user, for those of processes.
KnownNamespaces list_namespaces();

}  // namespace tally
