// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The XDP hook of an interface: which program runs there, and how it got there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tally {

struct HookProgram {
    std::uint32_t id = 0;
    std::uint32_t mode = 0;  // enum xdp_tally_mode
};

// One program among those that libxdp's dispatcher calls.
struct Component {
    std::uint32_t program_id = 0;
    std::string name;
    std::uint32_t priority = 0;       // lower runs earlier
    std::uint32_t chain_actions = 0;  // a bit for each enum xdp_action after which the next program runs
    bool frags = false;
};

// What libxdp puts on the hook so that several programs can share it.
struct Dispatcher {
    std::uint32_t program_id = 0;  // of the dispatcher itself; a new one at every change of its components
    std::uint32_t mode = 0;        // enum xdp_tally_mode
    bool frags = false;            // all components take fragments
    std::vector<Component> components;  // in the order they run

    const Component* find(std::uint32_t id) const;
};

struct XdpHook {
    // Generic mode excludes native; offloaded can stand beside either.
    std::optional<HookProgram> program;    // native or generic
    std::optional<HookProgram> offloaded;  // in the network card
    // `program` looked into, where it is a dispatcher (look_into_dispatcher).
    std::optional<Dispatcher> dispatcher;

    // The one in the kernel, else the one in the network card; none: neither has one.
    const std::optional<HookProgram>& attached() const { return program ? program : offloaded; }
    // Also a component of the dispatcher.
    std::optional<HookProgram> find(std::uint32_t id) const;
    bool empty() const { return !program && !offloaded; }
};

}  // namespace tally
