// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What a run reads, and how.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stats/cli/notices.h"
#include "stats/model/totals.h"

namespace tally::stats {

// Whose counters to show: a device's pinned map, a pin anywhere, or a map by its id.
struct Source {
    enum class Kind { kDevice, kPin, kMapId };

    Kind kind = Kind::kDevice;
    std::string name;  // the device, or the path of the pin
    std::uint32_t map_id = 0;
    std::string directory;                  // of the device's pins; empty: where a loader puts them
    std::optional<std::string> netns = {};  // the device's, as the user named it; none: that of the run

    bool operator==(const Source& other) const = default;
};

// Unless it is there already.
void add_source(std::vector<Source>& sources, Source source);

// So many descriptors are left free: a look at a source takes some for a moment, for its meta, its device and
// the programs of a dispatcher.
inline constexpr std::size_t kLookDescriptors = 32;

class DeliveryReader;
class RunStatistics;

struct ReadRequest {
    bool wait = false;  // for devices that do not exist yet
    bool per_cpu = false;
    bool per_program = false;
    Totals totals = Totals::kMap;
    bool keep_going = false;  // a source that cannot be read does not end the run
    std::size_t spare_descriptors = kLookDescriptors;
    const RunStatistics* run_statistics = nullptr;  // with --cost; outlives the run
    const DeliveryReader* delivery = nullptr;       // what became of packets; outlives the run
    Notices notices;
};

}  // namespace tally::stats
