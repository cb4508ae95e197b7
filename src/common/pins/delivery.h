// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The maps of what became of verdicts (<xdp_tally/delivery.h>), as any user reads them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <xdp_tally/delivery.h>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/pins/meta.h"

namespace tally {

using DeliveryMeta = xdp_tally_delivery_meta;
using DeliveryCount = xdp_tally_delivery_count;
using DeliveryBase = xdp_tally_delivery_base;

// Where they are pinned, below a root of bpffs.
std::string delivery_directory(const std::string& bpffs);

// None where delivery is not tracked; kConflict where somebody else could write to the directory, or has
// something else of that name there.
Result<std::optional<DeliveryMeta>> read_delivery_meta(const std::string& bpffs);

// The meta in a map's value, which may be longer (a newer writer's). kConflict where it is no meta that this
// version understands. Pure.
Result<DeliveryMeta> decode_delivery_meta(std::span<const unsigned char> value);

// What all maps held at one moment, summed over the CPUs.
struct DeliveryCounts {
    struct Device {
        xdp_tally_delivery_key key = {};
        std::uint64_t packets = 0;
    };
    struct Cpumap {
        xdp_tally_cpumap_key key = {};
        std::uint64_t packets = 0;
    };
    std::vector<Device> devices;
    std::vector<Cpumap> cpumaps;
    std::array<std::uint64_t, XDP_TALLY_OVERFLOWS> overflow = {};
};

class DeliveryMaps {
  public:
    // None where delivery is not tracked, or the maps are just being replaced.
    static Result<std::optional<DeliveryMaps>> open(const std::string& bpffs);

    const DeliveryMeta& meta() const { return meta_; }
    Result<DeliveryCounts> read() const;

  private:
    DeliveryMaps() = default;

    DeliveryMeta meta_ = {};
    UniqueFd devices_;
    UniqueFd cpumaps_;
    UniqueFd overflow_;
};

// Of one device: its own counts and those of the maps with these ids, by verdict and reason, in this order.
// Pure.
std::vector<DeliveryCount> delivery_of(const DeliveryCounts& counts, std::uint64_t netns_inode,
                                       std::uint32_t ifindex, std::span<const std::uint32_t> map_ids);
// The same of the device and the maps that a meta speaks of, those included that it has adopted. Pure.
std::vector<DeliveryCount> delivery_of(const DeliveryCounts& counts, const Meta& meta);

// What was counted between the two moments; nothing where counts have been forgotten since. Pure.
std::vector<DeliveryCount> delivery_since(const DeliveryBase& base, const std::vector<DeliveryCount>& now);

}  // namespace tally
