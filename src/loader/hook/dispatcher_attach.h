// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// A program as a component of libxdp's dispatcher, where it shares the hook with others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/network/interface.h"
#include "common/network/xdp_hook.h"
#include "loader/object/program_object.h"

namespace tally::loader {

// The hint for a program that no dispatcher takes, where nobody else has one on the hook.
inline constexpr const char* kAttachLinkInstead = "--attach link attaches it without a dispatcher";

// The last place in a dispatcher, for programs that have no wish of their own: replacements need room before
// it, because the newest generation runs first.
inline constexpr std::uint32_t kLastPriority = 1'000'000;

struct Position {
    std::uint32_t priority = kLastPriority;      // lower runs earlier
    std::optional<std::uint32_t> chain_actions;  // as in Component; none: the program's own, by default PASS
};

// What the command line asks for.
struct PositionWish {
    std::optional<std::uint32_t> priority;
    std::optional<std::uint32_t> chain_actions;
};

// Where a first program runs; `own_priority` is what its object asks for. Pure.
Position choose_position(const PositionWish& wish, std::optional<std::uint32_t> own_priority);
// Where the successor of `old` runs: just before it wherever there is room, so that the newest runs first and
// counts exactly; never on the other side of a component of somebody else's. Pure.
Position choose_next_position(const PositionWish& wish, const Component& old, const Dispatcher& dispatcher);

// Why this kernel, process or environment can have no dispatcher; none where it can. `mounts_root`: a load
// would mount the default BPF file system first, so that its absence is none.
Result<std::optional<Error>> dispatcher_obstacle(bool mounts_root);
// Why this program cannot be a component, as far as its object tells; empty where nothing speaks against it.
std::string component_obstacle(const ProgramObject& object);

// The priority that the object itself asks for (XDP_RUN_CONFIG of <xdp/xdp_helpers.h>).
std::optional<std::uint32_t> own_priority(const ProgramObject& object);

// Loads `component` (ProgramObject::open_component) and adds it to the interface's dispatcher, which is made
// where there is none; returns what it has become there. The others of the dispatcher go on meanwhile. The
// attachment outlives the process. CAP_SYS_ADMIN.
Result<Component> attach_component(const ProgramObject& component, const Interface& interface,
                                   std::uint32_t mode, const Position& position);
// The same for one that was a component already. libxdp lets nobody choose the position of a loaded program:
// it comes back at the one that its object asks for.
Result<void> reattach_component(int program_fd, std::uint32_t ifindex, std::uint32_t mode);

// Takes a program out of the interface's dispatcher, and the dispatcher away with its last one. Nothing where
// it is not there. kConflict where others share a dispatcher that libxdp cannot change, because the interface
// has another ifindex since.
Result<void> detach_component(std::uint32_t ifindex, std::uint32_t program_id);

}  // namespace tally::loader
