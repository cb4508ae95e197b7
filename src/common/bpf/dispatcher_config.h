// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The configuration of libxdp's dispatcher, as it stands in the dispatcher's read-only data. Its versions
// differ in layout (xdp-tools, headers/xdp/prog_dispatcher.h and lib/libxdp/libxdp.c). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tally {

// What version 1, of libxdp before 1.3, does not say there: its BTF does.
inline constexpr std::uint32_t kOldestDispatcherVersion = 1;
// The newest that can be read.
inline constexpr std::uint32_t kNewestDispatcherVersion = 3;

struct DispatcherConfig {
    struct Slot {
        std::uint32_t priority = 0;
        std::uint32_t chain_actions = 0;  // as in Component
        bool frags = false;
    };
    bool frags = false;
    std::vector<Slot> slots;  // of the programs that it calls, in this order
};

// None where it is of version 1, or of something else that is no dispatcher.
std::optional<std::uint32_t> dispatcher_version(std::span<const unsigned char> config);

// None where it has another size than this version's, or calls more programs than there are slots.
std::optional<DispatcherConfig> decode_dispatcher_config(std::span<const unsigned char> config,
                                                         std::uint32_t version);

}  // namespace tally
