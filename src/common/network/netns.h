// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Network namespaces: finding one, and going into it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/exceptions.h"
#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace tally {

// Where `ip netns add` gives them names.
inline constexpr const char* kNamedNamespaces = "/run/netns";
// As open_netns() takes them: that of the calling thread, and the initial one.
inline constexpr const char* kOwnNetns = "/proc/thread-self/ns/net";
inline constexpr const char* kInitialNetns = "/proc/1/ns/net";

// The initial one's where `netns` is empty, as it is in bpffs.
inline std::string netns_path(const std::string& netns) {
    return netns.empty() ? kInitialNetns : netns;
}

// The file of a namespace that the user named so: a name below /run/netns, or a path.
std::string netns_file(const std::string& name_or_path);
// In front of a command that has no option for the network namespace: "nsenter --net=FILE ", as a shell takes
// it; empty for an empty name, the command's own. Only the network namespace is changed, for the BPF file
// system is hidden inside `ip netns exec`.
std::string netns_prefix(const std::string& name_or_path);

// Inode of the calling thread's network namespace: tells namespaces apart on this machine.
Result<std::uint64_t> current_netns_inode();

// A namespace as the user names it: a name below /run/netns (`ip netns add`), or, with a '/' in it, the path
// of a namespace file such as /proc/PID/ns/net. kNotFound where there is none; kUsage for a name that none
// can have, and for a file that is something else.
Result<UniqueFd> open_netns(const std::string& name_or_path);
Result<std::uint64_t> netns_inode(const UniqueFd& netns);

// From now on the calling thread is in there (setns; CAP_SYS_ADMIN, but for where it is already).
Result<void> enter_netns(const UniqueFd& netns, const std::string& name_or_path);

// Does `work`, which returns a Result, in there, and comes back (CAP_SYS_ADMIN, but for where the calling
// thread is already). Where it could not come back, that is the error.
template <typename Work>
auto inside_netns(const UniqueFd& netns, const std::string& name_or_path, Work work) -> decltype(work()) {
    TALLY_ASSIGN_OR_RETURN(const auto here, open_netns(kOwnNetns));
    TALLY_TRY(enter_netns(netns, name_or_path));
    auto done = without_exceptions(work);  // which would leave this thread there
    TALLY_TRY(enter_netns(here, "this command's own"));
    return done;
}

// kUsage for a name that cannot be one below /run/netns, and so not part of a path either.
Result<void> check_netns_name(const std::string& name);

// The name of a namespace below /run/netns, the first in order; empty where it has none that this process may
// look at.
Result<std::string> netns_name(std::uint64_t inode);

// The inode of the namespace file at this path; none where there is none, or its process has ended.
// kPermission where this process may not look at it.
Result<std::optional<std::uint64_t>> netns_inode_at(const std::string& path);

}  // namespace tally
