// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The field's words for numbers: verdicts, attach modes, attach kinds. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <xdp_tally/abi.h>

namespace tally {

// Numbered as enum xdp_action.
enum class Action : std::uint32_t { kAborted, kDrop, kPass, kTx, kRedirect };

inline constexpr int kActions = XDP_TALLY_ACTIONS;
// Indexed by enum xdp_action.
inline constexpr std::array<std::string_view, kActions> kActionNames = {"XDP_ABORTED", "XDP_DROP", "XDP_PASS",
                                                                        "XDP_TX", "XDP_REDIRECT"};

// The same as options, metrics and the full-screen view spell them.
inline constexpr std::array<std::string_view, kActions> kShortActionNames = {"aborted", "drop", "pass", "tx",
                                                                             "redirect"};

constexpr std::string_view short_action_name(Action action) {
    return kShortActionNames[static_cast<std::size_t>(action)];
}

// "XDP_DROP" or "drop", in any case; none where it is no verdict.
std::optional<Action> parse_action_name(std::string_view text);

// "native", "generic", "offloaded"; "unknown" for a number a newer writer may have used.
std::string_view mode_name(std::uint32_t mode);
// "link", "dispatcher", "netlink", "observe"; "unknown" otherwise.
std::string_view attach_name(std::uint32_t kind);

}  // namespace tally
