// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Where the program that a meta speaks of runs now. A device that is renamed or moved to another network
// namespace keeps its program; so the program is what it is found by, wherever the pins say that it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/bpf/bpf_info.h"
#include "common/network/link_socket.h"
#include "common/pins/attach_state.h"
#include "common/pins/meta.h"
#include "common/pins/netns_context.h"

namespace tally {

struct ProgramPlace {
    // As it is called there. link.hook.dispatcher is looked into where the meta's program is in one.
    Link link;
    std::uint64_t netns_inode = 0;
    std::string netns;         // what bpffs calls the namespace (netns_pin_name); empty: the initial one
    std::string netns_option;  // what --netns calls it; empty: it is where the command was started
    UniqueFd netns_fd;         // for inside_netns

    // "eth0", "red/eth0".
    std::string name() const;
    // How the user's next command names it, as NetnsContext::option has it.
    std::string option(const NetnsContext& own) const;
};

struct ProgramSearch {
    std::optional<ProgramPlace> place;
    // With no place: every namespace that this process knows of was looked into (list_namespaces), and every
    // dispatcher there. One that no name and no process leads to may still have it.
    bool complete = false;
    ProgramLife life = ProgramLife::kNotKnown;
};

// Of the link pinned in an interface's directory; none where there is none, or it may not be opened.
Result<std::optional<LinkInfo>> pinned_link_info(const std::string& directory);

// Whether there is a program of this id.
Result<ProgramLife> program_life(std::uint32_t id);

// Looks where the meta says; then, unless the program is gone, through all network namespaces, which it
// enters for a moment each (CAP_SYS_ADMIN). `link` is the pinned link where it may be opened: while it is
// alive, its program and its interface are looked for. Where the program runs on several interfaces, the one
// with the meta's index is meant. Of an --observe the program is somebody else's. What cannot be looked into
// makes the search incomplete; an error where the calling thread cannot come back, or where it is not known
// whether the program lives.
Result<ProgramSearch> find_program(const Meta& meta, const std::optional<LinkInfo>& link,
                                   const NetnsContext& own);

// Whether a program on this hook, or one that its dispatcher calls, uses the map, whoever loaded it
// (CAP_SYS_ADMIN; false without).
Result<bool> hook_uses_map(const XdpHook& hook, std::uint32_t map_id);

}  // namespace tally
