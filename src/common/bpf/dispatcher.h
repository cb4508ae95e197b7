// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// libxdp's dispatcher on an interface, as far as reading it goes.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/result.h"
#include "common/network/link_socket.h"
#include "common/network/xdp_hook.h"

namespace tally {

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
