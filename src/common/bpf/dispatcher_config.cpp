// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/bpf/dispatcher_config.h"

#include <linux/bpf.h>

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

struct Version1 {
    std::uint8_t enabled;
    Words chain_actions;
    Words priorities;
};

struct Version2 {
    std::uint8_t magic;
    std::uint8_t version;
    std::uint8_t enabled;
    std::uint8_t frags;
    Words chain_actions;
    Words priorities;
    Words flags;
};

struct Version3 {
    Version2 known;
    std::uint8_t bound_to_device;
};

std::size_t size_of_version(std::uint32_t version) {
    return version == 1 ? sizeof(Version1) : version == 2 ? sizeof(Version2) : sizeof(Version3);
}

Version2 as_version2(std::span<const unsigned char> bytes, std::uint32_t version) {
    Version2 config = {};
    if (version > 1) {
        std::memcpy(&config, bytes.data(), sizeof(config));
        return config;
    }
    Version1 old = {};
    std::memcpy(&old, bytes.data(), sizeof(old));
    config.enabled = old.enabled;
    std::memcpy(config.chain_actions, old.chain_actions, sizeof(Words));
    std::memcpy(config.priorities, old.priorities, sizeof(Words));
    return config;
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
    const Version2 raw = as_version2(config, version);
    if (raw.enabled > kSlots) {
        return std::nullopt;
    }
    DispatcherConfig decoded;
    decoded.frags = raw.frags != 0;
    for (std::size_t i = 0; i < raw.enabled; ++i) {
        decoded.slots.push_back(
            {raw.priorities[i], raw.chain_actions[i] & ~kEmptySlot, (raw.flags[i] & kFragsFlag) != 0});
    }
    return decoded;
}

}  // namespace tally
