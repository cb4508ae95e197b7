// The XDP hook of an interface: which program runs there, and how it got there.
#pragma once

#include <cstdint>
#include <optional>

#include "common/result.h"

namespace tally {

struct AttachedProgram {
    std::uint32_t id = 0;
    std::uint32_t mode = 0;  // enum xdp_tally_mode
};

struct XdpHook {
    // Generic mode excludes native; offloaded can stand beside either.
    std::optional<AttachedProgram> program;    // native or generic
    std::optional<AttachedProgram> offloaded;  // in the network card

    std::optional<AttachedProgram> find(std::uint32_t id) const;
    bool empty() const { return !program && !offloaded; }
};

// Over rtnetlink: needs no capability. kNotFound where the interface is gone.
Result<XdpHook> query_xdp_hook(std::uint32_t ifindex);

}  // namespace tally
