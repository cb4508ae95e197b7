#include "common/xdp_hook.h"

namespace tally {

std::optional<AttachedProgram> XdpHook::find(std::uint32_t id) const {
    for (const auto& candidate : {program, offloaded}) {
        if (candidate && candidate->id == id) {
            return candidate;
        }
    }
    return std::nullopt;
}

}  // namespace tally
