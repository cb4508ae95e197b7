// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Where a generation's totals of delivered and lost packets begin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/pins/delivery.h"
#include "common/pins/meta.h"

namespace tally::loader {

struct DeliveryReading {
    std::uint64_t instance = 0;  // of the tracking
    DeliveryCounts counts;
};

// In the bpffs that this directory of an interface's pins is in. None where delivery is not tracked there, or
// this process may not read it: a load does not depend on it. An error where the kernel could not answer, as
// the generation's deliveries would never be known.
Result<std::optional<DeliveryReading>> read_delivery(const std::string& directory);

// Fills in both of `meta`, whose maps are known, in the generation after `before`: read right before its
// program is attached. `new_map` tells whether its counter map starts with this generation. Pure.
void begin_delivery(Meta& meta, const std::optional<Meta>& before, bool new_map,
                    const std::optional<DeliveryReading>& reading);

}  // namespace tally::loader
