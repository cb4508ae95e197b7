// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Finding the BPF file system to work in, and mounting one where there is none.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/pins/bpffs.h"

namespace tally {

struct BpffsRoot {
    std::string path;  // as this process reaches it
    // Of the `ip netns exec` that hides it, where no caller has one: to mount it for.
    std::optional<pid_t> caller;
    // That one was mounted, which stays whatever becomes of what it was for: to be told once.
    std::string mounted = {};
};

// `ip netns exec` hides the host's bpffs behind a fresh sysfs. Where it hides the default root, the
// one that the nearest ancestor process sees there: as /proc/PID/root/sys/fs/bpf, through the oldest ancestor
// that sees the same one, so that the path lasts. What is printed has it as the parent process sees it, where
// it does. Any other root is returned as it is. To be called in the network namespace that the process was
// started in.
Result<BpffsRoot> locate_bpffs(const std::string& root);

// kNotFound where the root is missing or is no bpffs; the hint says how to mount one.
Result<void> check_bpffs(const BpffsRoot& root);

// The same, but the default root may be missing: a load mounts it.
Result<void> check_named_bpffs(const BpffsRoot& root);

// True where the bpffs is mounted in this mount namespace alone, and a calling process is in another one: it
// goes, with all pins, when the last process in this one ends. False where this process may not look.
Result<bool> ends_with_mount_namespace(const BpffsRoot& root);

// Mounts a bpffs on the default root if none is there, and leaves in the root that it has. Where it would
// vanish with the command (`ip netns exec`), in the mount namespace of the process that called it, unless it
// has one by now; the path changes accordingly, also then. Any other root must be one already.
Result<void> ensure_bpffs(BpffsRoot& root);

}  // namespace tally
