// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The process that stays behind an --observe: where the observed program is replaced or the dispatcher
// rebuilt, it attaches the observers anew.
//
// It ends when the pins are gone (--unload), the interface or its network namespace is, or by SIGTERM, which
// leaves the observers where they are. Its lock is the directory +follower beside the pins, 0700 like
// +staging: held while it lives, removed when it ends by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/kernel/interface.h"
#include "common/pins/netns_context.h"

namespace tally::loader {

// What a follower needs to know of what it follows.
struct Followed {
    std::string directory;  // with the pins
    Interface interface;
    std::uint64_t lineage = 0;  // of the record: another one is another observation's
    // A file that is the interface's network namespace as long as that is wanted: a follower must not be what
    // keeps it in existence. Empty: it lasts as long as any process. Once it is gone, another process in
    // there will do.
    std::string anchor;
};

// The anchor of the current network namespace, which is that of the place. None where nothing but programs of
// this name is in there.
std::optional<std::string> netns_anchor(const NetnsContext& context);

// Forks it, unless one is there. The new process's id, none where one was.
Result<std::optional<int>> start_follower(const Followed& followed);

// Whether one is there; none where this process may not look.
std::optional<bool> has_follower(const std::string& directory);

// After the pins were removed, or where nothing is left to follow: waits until the follower has ended, and
// removes what a killed one left.
void wait_for_follower(const std::string& directory);

}  // namespace tally::loader
