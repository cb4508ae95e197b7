// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Where libxdp keeps the programs of its dispatchers pinned: dispatch-<ifindex>-<dispatcher> for each, in
// xdp/ below the BPF file system of LIBXDP_BPFFS or /sys/fs/bpf. It makes xdp/ when it is first needed, and
// leaves it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace tally {

// Where libxdp is to look from now on, unless the environment says otherwise. Other programs look below
// /sys/fs/bpf, so this is that file system, also where it is hidden here. Call before any other call of
// libxdp, which takes it from the environment.
void use_bpffs_for_dispatchers(const std::string& root);
// The environment as it was given to this process: for a child that runs somebody else's command.
void restore_environment();

// The directory with all of them. Its flock, by which libxdp's own changes exclude each other, is on it.
std::string dispatcher_root();

struct DispatcherDirectory {
    std::string path;
    std::uint32_t ifindex = 0;  // of the interface when it was made: another one once the interface has moved
    std::uint32_t dispatcher_id = 0;
};

// kPermission where this process may not look there.
Result<std::vector<DispatcherDirectory>> list_dispatcher_directories();
// That of this dispatcher; none where there is none.
Result<std::optional<DispatcherDirectory>> find_dispatcher_directory(std::uint32_t dispatcher_id);

}  // namespace tally
