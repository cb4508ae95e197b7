// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Counts of devices and cpumaps that are gone: they make room for new ones.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/pins/delivery.h"
#include "loader/delivery/delivery_programs.h"

namespace tally::loader {

struct GoneCounts {
    std::vector<xdp_tally_delivery_key> devices;
    std::vector<xdp_tally_cpumap_key> cpumaps;

    std::size_t size() const { return devices.size() + cpumaps.size(); }
};

// Those of which it is certain that nothing is left: neither a device or a map, nor pins below this root of
// bpffs that speak of it. Namespaces that this process may not enter are left alone (CAP_SYS_ADMIN); one that
// nothing but a descriptor or a mount keeps, and that has no pins here, counts as gone.
Result<GoneCounts> find_gone(const DeliveryCounts& counts, const std::string& bpffs);

// Whether there are pins of any interface.
Result<bool> has_pinned_devices(const std::string& bpffs);

Result<void> forget(const GoneCounts& gone, const DeliveryPrograms& programs);

}  // namespace tally::loader
