// Network namespaces: finding one, going into it, and what it is called in bpffs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace tally {

// Inode of the calling thread's network namespace: tells namespaces apart on this machine.
Result<std::uint64_t> current_netns_inode();

// A namespace as the user names it: a name below /run/netns (`ip netns add`), or, with a '/' in it, the path
// of a namespace file such as /proc/PID/ns/net. kNotFound where there is none; kUsage for a name that none
// can have, and for a file that is something else.
Result<UniqueFd> open_netns(const std::string& name_or_path);
Result<std::uint64_t> netns_inode(const UniqueFd& netns);

// From now on the calling thread is in there (setns; CAP_SYS_ADMIN).
Result<void> enter_netns(const UniqueFd& netns, const std::string& name_or_path);

// kUsage for a name that cannot be one below /run/netns, and so not part of a path either.
Result<void> check_netns_name(const std::string& name);

// What a namespace is called in bpffs, from wherever one looks:
//   ""         the initial one (that of process 1), or one that has no name and a bpffs of its own
//   its name   where /run/netns has one; the first in order where it has several
//   its inode  where it has no name, but shares the bpffs with process 1
std::string netns_pin_name(std::uint64_t inode, const std::string& bpffs);

}  // namespace tally
