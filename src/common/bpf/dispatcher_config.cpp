// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/bpf/dispatcher_config.h"

#include <linux/bpf.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace tally {
namespace {

constexpr unsigned char kMagic = 236;
constexpr std::size_t kSlots = 10;
// In the chain actions of every slot: what a slot without a program returns.
constexpr std::uint32_t kEmptySlot = 1U << 31;
constexpr std::uint32_t kFragsFlag = 1U << 5;  // BPF_F_XDP_HAS_FRAGS, kernel 5.18

using Words = std::uint32_t[kSlots];

struct Layout {
    // Magic, version, number of programs, frags; in version 1 the number of programs, and nothing.
    std::uint8_t head[4];
    Words chain_actions;
    Words priorities;
    Words flags;  // from version 2 on; 3 adds a word
};

std::size_t size_of_version(std::uint32_t version) {
    return version == 1   ? offsetof(Layout, flags)
           : version == 2 ? sizeof(Layout)
                          : sizeof(Layout) + sizeof(std::uint32_t);
}

}  // namespace

std::optional<std::uint32_t> dispatcher_version(std::span<const unsigned char> config) {
    return config.size() > 1 && config[0] == kMagic ? std::optional<std::uint32_t>(config[1]) : std::nullopt;
}

std::optional<DispatcherConfig> decode_dispatcher_config(std::span<const unsigned char> config,
                                                         std::uint32_t version) {
    if (version < kOldestDispatcherVersion || version > kNewestDispatcherVersion ||
        config.size() != size_of_version(version)) {
        return std::nullopt;
    }
    Layout raw = {};
    std::memcpy(&raw, config.data(), std::min(config.size(), sizeof(raw)));
    const std::size_t enabled = raw.head[version == 1 ? 0 : 2];
    if (enabled > kSlots) {
        return std::nullopt;
    }
    DispatcherConfig decoded;
    decoded.frags = version > 1 && raw.head[3] != 0;
    for (std::size_t i = 0; i < enabled; ++i) {
        decoded.slots.push_back(
            {raw.priorities[i], raw.chain_actions[i] & ~kEmptySlot, (raw.flags[i] & kFragsFlag) != 0});
    }
    return decoded;
}

}  // namespace tally
