// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// libxdp's own pins of a dispatcher's programs, where libxdp does not remove them: it looks for them by the
// interface's present ifindex, and not at all where somebody else took the dispatcher off the hook.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/bpf/dispatcher_directory.h"

namespace tally::loader {

struct ComponentPins {
    DispatcherDirectory directory;
    std::size_t components = 0;  // programs pinned there
};

// Those among which this program is; none where it is in none, or where this process may not look.
Result<std::optional<ComponentPins>> find_pins_of_component(std::uint32_t program_id);

// Once it was taken off the hook, with the command that removes them; empty where there are none.
std::string describe_left_pins(std::uint32_t dispatcher_id);

// Removes them under libxdp's own lock: for what is attached nowhere. Its programs are gone with them, unless
// somebody else holds them.
Result<void> remove_dispatcher_directory(const std::string& path);

}  // namespace tally::loader
