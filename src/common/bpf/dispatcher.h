// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// libxdp's dispatcher on an interface, as far as reading it goes.
//
// libxdp keeps the components pinned in its own directory, xdp/ below the BPF file system of LIBXDP_BPFFS or
// /sys/fs/bpf; it makes that directory when it is first needed, and leaves it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/network/link_socket.h"
#include "common/network/xdp_hook.h"

namespace tally {

// Where libxdp is to look from now on, unless the environment says otherwise. Other programs look below
// /sys/fs/bpf, so this is that file system, also where it is hidden here. Call before any other call of
// libxdp, which takes it from the environment.
void use_bpffs_for_dispatchers(const std::string& root);
// The environment as it was given to this process: for a child that runs somebody else's command.
void restore_environment();

// Where libxdp keeps its pins. Its flock, by which libxdp's own changes exclude each other, is on that
// directory.
std::string dispatcher_root();

// Of the program on a hook, in whatever network namespace that is; libxdp is not asked. None where it is no
// dispatcher. kPermission without CAP_SYS_ADMIN; kConflict (EOPNOTSUPP) for a dispatcher of a newer libxdp
// than this one; kNotFound where the program is gone. kSystem where its components cannot be read: their pins
// are missing, or in another BPF file system.
Result<std::optional<Dispatcher>> read_dispatcher(const HookProgram& program);
// The same for an interface of the current namespace; none also where nothing is attached.
Result<std::optional<Dispatcher>> read_dispatcher(std::uint32_t ifindex);

// Fills in link.hook.dispatcher where the program there is one; where it was replaced meanwhile, `link` is
// what `socket` says now. The errors of read_dispatcher: then nothing is known of it.
Result<void> look_into_dispatcher(Link& link, LinkSocket& socket);

}  // namespace tally
