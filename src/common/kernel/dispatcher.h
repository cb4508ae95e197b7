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
#include "common/kernel/xdp_hook.h"

namespace tally {

// Where libxdp is to look from now on, unless the environment says otherwise. Other programs look below
// /sys/fs/bpf, so this is that file system, also where it is hidden here. Call before any other call of
// libxdp, which takes it from the environment.
void use_bpffs_for_dispatchers(const std::string& root);
// The environment as it was given to this process: for a child that runs somebody else's command.
void restore_environment();

// Of the program on the hook of that interface, by its id; without the id the kernel is asked what is there.
// None where nothing is attached, or a program that is no dispatcher. kPermission without CAP_SYS_ADMIN;
// kConflict (EOPNOTSUPP) for a dispatcher of a newer libxdp than this one. kSystem where its components
// cannot be read: their pins are missing, or in another BPF file system.
Result<std::optional<Dispatcher>> read_dispatcher(std::uint32_t ifindex, std::uint32_t program_id);
Result<std::optional<Dispatcher>> read_dispatcher(std::uint32_t ifindex);

// Where libxdp keeps what this dispatcher calls pinned, as long as use_bpffs_for_dispatchers holds.
std::string dispatcher_directory(std::uint32_t ifindex, std::uint32_t program_id);

// Fills in hook.dispatcher where the program there is one. The errors of read_dispatcher: then nothing is
// known of it.
Result<void> look_into_dispatcher(XdpHook& hook, std::uint32_t ifindex);

}  // namespace tally
