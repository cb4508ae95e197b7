// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/network/xdp_hook.h"

#include <algorithm>

namespace tally {

const Component* Dispatcher::find(std::uint32_t id) const {
    const auto found = std::find_if(components.begin(), components.end(),
                                    [id](const Component& component) { return component.program_id == id; });
    return found == components.end() ? nullptr : &*found;
}

std::optional<HookProgram> XdpHook::find(std::uint32_t id) const {
    for (const auto& candidate : {program, offloaded}) {
        if (candidate && candidate->id == id) {
            return candidate;
        }
    }
    if (dispatcher && dispatcher->find(id) != nullptr) {
        return HookProgram{id, dispatcher->mode};
    }
    return std::nullopt;
}

}  // namespace tally
