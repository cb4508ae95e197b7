// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Whether the program that pins speak of is attached: what the meta says, compared with what runs on the
// device. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <xdp_tally/abi.h>

#include "common/network/xdp_hook.h"

namespace tally {

enum class AttachState {
    kNone,      // no pins, and no program on the device
    kForeign,   // somebody else's program: no meta tells of it, or it has taken ours' place and its map
    kAttached,  // the program on the device counts into the pinned map
    kDetached,  // no program counts into the pinned map
    kOrphaned,  // the same, because the device is gone
    kStale,     // the program on the device does not count into the pinned map
    kUnknown,   // the meta, the device, or what its dispatcher runs, cannot be seen; the program may live
};

// "none", "foreign", "attached", ...
std::string_view state_name(AttachState state);

// Whether a program that pins speak of still exists.
enum class ProgramLife {
    kNotKnown,  // asking takes CAP_SYS_ADMIN
    kGone,      // there is no program of this id any more
    kAlive,     // there is: attached somewhere, or kept by somebody's pin or descriptor
};

struct AttachFacts {
    enum class Device {
        kHidden,   // this process cannot look at it
        kGone,     // there is none where the pins say: it was deleted, or moved
        kDeleted,  // the kernel has said which of the two (RTM_DELLINK)
        kSeen,
    };
    // The link that is pinned beside the map.
    enum class PinnedLink {
        kNone,
        kHidden,   // there is one that was not or cannot be opened
        kSevered,  // it does not run its program any more
        kAlive,    // it runs its program, on whatever device
    };

    const xdp_tally_meta* meta = nullptr;
    bool meta_may_exist = false;  // though there is none here: this process may not read it
    bool has_pins = true;
    std::uint32_t counter_map_id = 0;  // of the pinned map; 0: none is pinned
    bool meta_is_elsewhere = false;    // the meta names a device of another network namespace

    Device device = Device::kHidden;
    std::uint32_t ifindex = 0;      // with kSeen
    XdpHook hook;                   // with kSeen
    bool dispatcher_known = false;  // whether hook.program is a dispatcher, and which programs it calls

    PinnedLink link = PinnedLink::kNone;
    std::uint32_t link_program_id = 0;  // with kAlive

    // What the search for the meta's program found (find_program), where it is not on `hook`.
    std::optional<XdpHook> hook_elsewhere;  // on another device: what runs there
    bool searched_everywhere = false;       // the search was complete, and found nothing
    ProgramLife life = ProgramLife::kNotKnown;
    // A program on the hook that is not the meta's uses the pinned counter map (hook_uses_map).
    bool other_program_counts = false;
};

// `detached` and `orphaned` are said only where the kernel has: the link is severed, the program is gone, or
// the device that the meta names is seen, and runs nothing. A program of a dispatcher lives as long as
// libxdp's pins: of that one a search that is complete and has found nothing says it.
AttachState judge_attach_state(const AttachFacts& facts);

}  // namespace tally
