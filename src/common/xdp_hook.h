// The XDP hook of an interface: which program runs there, and how it got there.
#pragma once

#include <cstdint>
#include <optional>

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

}  // namespace tally
