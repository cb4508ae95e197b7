// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Why packets were lost after their verdict, as names and in words: the one place that knows both. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/pins/abi_names.h"

namespace tally::stats {

// `reason` is one of enum xdp_tally_delivery_reason, or an errno. Its name is the kernel's where there is
// one: "ENETDOWN", "xdp_exception". Promised in docs/interface.md: JSON and metrics have it.
std::string loss_name(std::uint32_t reason);

// "target is down (ENETDOWN)".
std::string loss_text(std::size_t action, std::uint32_t reason);

// Those that metrics have from the beginning, with 0: an alert sees the first loss only as a difference.
const std::vector<std::uint32_t>& usual_losses(std::size_t action);

}  // namespace tally::stats
