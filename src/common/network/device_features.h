// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What an interface's driver can do with XDP, as the kernel tells (generic netlink family "netdev", Linux
// 6.3: Documentation/netlink/specs/netdev.yaml).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace tally {

// Bits of DeviceFeatures::xdp: enum netdev_xdp_act.
enum class XdpFeature : std::uint64_t {
    kNative = 1U << 0,             // runs programs itself, with the verdicts PASS, DROP, TX and ABORTED
    kRedirect = 1U << 1,           // and REDIRECT
    kReceivesRedirects = 1U << 2,  // transmits what programs redirect to it (NDO_XMIT)
    kZeroCopy = 1U << 3,           // AF_XDP without copying
    kOffload = 1U << 4,            // runs programs in the hardware
    kFragments = 1U << 5,          // programs that take frames of several buffers
    kReceivesFragments = 1U << 6,  // frames of several buffers may be redirected to it
};

// Bits of DeviceFeatures::rx_metadata: enum netdev_xdp_rx_metadata.
enum class RxMetadata : std::uint64_t {
    kTimestamp = 1U << 0,
    kHash = 1U << 1,
    kVlanTag = 1U << 2,
};

// What a feature is called: for machines, and in messages behind "has" and "lacks".
template <typename Bit>
struct FeatureName {
    Bit bit;
    std::string_view key;
    std::string_view words;
};

inline constexpr std::array kXdpFeatureNames = {
    FeatureName<XdpFeature>{XdpFeature::kNative, "native", "native mode"},
    FeatureName<XdpFeature>{XdpFeature::kRedirect, "redirect", "redirects"},
    FeatureName<XdpFeature>{XdpFeature::kReceivesRedirects, "receives_redirects",
                            "receiving redirects (NDO_XMIT)"},
    FeatureName<XdpFeature>{XdpFeature::kFragments, "frags", "frags"},
    FeatureName<XdpFeature>{XdpFeature::kReceivesFragments, "receives_frags",
                            "receiving redirects with frags"},
    FeatureName<XdpFeature>{XdpFeature::kZeroCopy, "zero_copy", "zero-copy"},
    FeatureName<XdpFeature>{XdpFeature::kOffload, "offload", "offload"},
};

inline constexpr std::array kRxMetadataNames = {
    FeatureName<RxMetadata>{RxMetadata::kTimestamp, "timestamp", "timestamp"},
    FeatureName<RxMetadata>{RxMetadata::kHash, "hash", "hash"},
    FeatureName<RxMetadata>{RxMetadata::kVlanTag, "vlan_tag", "VLAN tag"},
};

struct DeviceFeatures {
    std::uint64_t xdp = 0;                     // XdpFeature
    std::optional<std::uint64_t> rx_metadata;  // RxMetadata; none where it is not told, as by Linux 6.3
    std::uint32_t zero_copy_segments = 0;      // buffers a frame may have with AF_XDP zero-copy; 0: not told

    bool has(XdpFeature feature) const { return (xdp & static_cast<std::uint64_t>(feature)) != 0; }
    bool has(RxMetadata metadata) const {
        return (rx_metadata.value_or(0) & static_cast<std::uint64_t>(metadata)) != 0;
    }
};

// Of an interface of the calling thread's network namespace, as it is now: drivers change it with their
// settings. Needs no capability. None where the kernel cannot tell (before 6.3); kNotFound without such an
// interface.
Result<std::optional<DeviceFeatures>> query_device_features(std::uint32_t ifindex);

// What an interface has, in words: of XdpFeature, and of RxMetadata. Pure.
std::vector<std::string_view> words_of(const DeviceFeatures& features);
std::vector<std::string_view> metadata_words_of(const DeviceFeatures& features);

// The attributes of the answer. Pure.
DeviceFeatures parse_device_features(std::string_view attributes);

}  // namespace tally
