// The field's words for numbers: verdicts, attach modes, attach kinds. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <xdp_tally/abi.h>

namespace tally {

inline constexpr int kActions = XDP_TALLY_ACTIONS;
// Indexed by enum xdp_action.
inline constexpr std::array<std::string_view, kActions> kActionNames = {"XDP_ABORTED", "XDP_DROP", "XDP_PASS",
                                                                        "XDP_TX", "XDP_REDIRECT"};

// The same as options, metrics and the full-screen view spell them.
inline constexpr std::array<std::string_view, kActions> kShortActionNames = {"aborted", "drop", "pass", "tx",
                                                                             "redirect"};

// "native", "generic", "offloaded"; "unknown" for a number a newer writer may have used.
std::string_view mode_name(std::uint32_t mode);
// "link", "dispatcher", "netlink", "observe"; "unknown" otherwise.
std::string_view attach_name(std::uint32_t kind);

// A name as one bpffs path component: bpffs refuses names with a dot, so '.' becomes "%2E" (and '%' "%25",
// which makes it reversible for map names too; the kernel lets no interface name contain '%').
std::string encode_pin_name(std::string_view name);
std::string decode_pin_name(std::string_view component);

}  // namespace tally
