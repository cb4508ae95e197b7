// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The maps of what became of verdicts (<xdp_tally/delivery.h>), as any user reads them.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <xdp_tally/delivery.h>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "common/pins/delivery_sums.h"

namespace tally {

using DeliveryMeta = xdp_tally_delivery_meta;

// Where they are pinned, below a root of bpffs.
std::string delivery_directory(const std::string& bpffs);

// None where delivery is not tracked; kConflict where somebody else could write to the directory, or has
// something else of that name there.
Result<std::optional<DeliveryMeta>> read_delivery_meta(const std::string& bpffs);

// The meta in a map's value, which may be longer (a newer writer's). kConflict where it is no meta that this
// version understands. Pure.
Result<DeliveryMeta> decode_delivery_meta(std::span<const unsigned char> value);

class DeliveryMaps {
  public:
    // None where delivery is not tracked, or the maps are just being replaced.
    static Result<std::optional<DeliveryMaps>> open(const std::string& bpffs);

    const DeliveryMeta& meta() const { return meta_; }
    // In the order that DeliveryCounts has.
    Result<DeliveryCounts> read() const;

  private:
    DeliveryMaps() = default;

    DeliveryMeta meta_ = {};
    UniqueFd devices_;
    UniqueFd cpumaps_;
    UniqueFd overflow_;
};

}  // namespace tally
