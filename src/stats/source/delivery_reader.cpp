// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "stats/source/delivery_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/pins/bpffs.h"
#include "common/pins/meta.h"
#include "common/pins/pin_names.h"

namespace tally::stats {
namespace {

using std::chrono::steady_clock;

// Opening a pin that is not there costs as much as all else of a sample.
constexpr std::chrono::milliseconds kUntrackedFor{100};

bool is_same_tracking(const DeliveryMeta& one, const DeliveryMeta& other) {
    return one.instance == other.instance && one.devices_map_id == other.devices_map_id &&
           one.cpumaps_map_id == other.cpumaps_map_id && one.overflow_map_id == other.overflow_map_id;
}

}  // namespace

DeliveryReader::DeliveryReader(const NetnsContext& context)
    : root_(context.bpffs.path),
      hint_(fmt::format("`xdp_loader {}--track-delivery` counts it from then on", context.root_option())) {}

Result<void> DeliveryReader::read() {
    reading_.reset();
    obstacle_.clear();
    auto reading = try_to_read();
    if (!reading) {
        obstacle_ = reading.error().message();
        maps_.reset();
        return std::move(reading).error();
    }
    reading_ = std::move(*reading);
    return {};
}

Result<std::optional<DeliveryReading>> DeliveryReader::try_to_read() {
    TALLY_TRY(open());
    if (!maps_) {
        return std::optional<DeliveryReading>();
    }
    TALLY_ASSIGN_OR_RETURN(auto counts, maps_->read());
    TALLY_ASSIGN_OR_RETURN(auto shared, shared_cpumaps(counts));
    return std::optional(DeliveryReading{maps_->meta(), std::move(counts), std::move(shared)});
}

// Where something is tracked, the meta is looked at every time; the maps are kept open.
Result<void> DeliveryReader::open() {
    if (!maps_ && steady_clock::now() < untracked_until_) {
        return {};
    }
    TALLY_ASSIGN_OR_RETURN(const auto meta, read_delivery_meta(root_));
    if (meta && maps_ && is_same_tracking(*meta, maps_->meta())) {
        return {};
    }
    maps_.reset();
    if (meta) {
        TALLY_ASSIGN_OR_RETURN(maps_, DeliveryMaps::open(root_));
    }
    untracked_until_ = meta ? steady_clock::time_point() : steady_clock::now() + kUntrackedFor;
    return {};
}

// Where several devices name a cpumap, what is counted of it cannot be divided among them. Other maps may be
// among these, too.
Result<std::set<std::uint32_t>> DeliveryReader::shared_cpumaps(const DeliveryCounts& counts) const {
    std::set<std::uint32_t> shared;
    if (counts.cpumaps.empty()) {
        return shared;
    }
    std::set<std::uint32_t> named;
    TALLY_ASSIGN_OR_RETURN(const auto directories, pin_directories(root_));
    for (const auto& directory : directories) {
        TALLY_ASSIGN_OR_RETURN(const auto meta, find_trusted_meta(directory, root_));
        if (!meta) {
            continue;
        }
        const std::set<std::uint32_t> of_device(std::begin(meta->map_ids), std::end(meta->map_ids));
        for (const std::uint32_t map_id : of_device) {
            if (!named.insert(map_id).second) {
                shared.insert(map_id);
            }
        }
    }
    return shared;
}

}  // namespace tally::stats
