// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Where the built-in program redirects to, and whether that can take it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/pins/netns_context.h"
#include "loader/device/device_state.h"
#include "loader/outcome.h"

namespace tally::loader {

// Of our program that is attached: its pinned map `redirect_to` says where. None where it does not redirect,
// or where the map cannot be read: it is its owner's alone.
Result<std::optional<RedirectOutcome>> find_redirect(const NetnsContext& context,
                                                     const std::string& directory, const DeviceState& state);

// The interface with this index; 0: it is gone. With a note where what is redirected there is lost now. In
// native mode the target's driver has to take frames from programs, in generic mode each can.
RedirectOutcome describe_redirect_target(const NetnsContext& context, std::uint32_t ifindex, bool native);

}  // namespace tally::loader
