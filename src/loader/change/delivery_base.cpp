// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/delivery_base.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/pins/pin_names.h"

namespace tally::loader {
namespace {

// Nothing is known where there is more than a meta has room for.
DeliveryBase make_base(std::uint64_t instance, const std::vector<DeliveryCount>& counts) {
    DeliveryBase base = {};
    if (counts.size() <= XDP_TALLY_DELIVERY_BASE_MAX) {
        base.instance = instance;
        base.count = static_cast<std::uint32_t>(counts.size());
        std::copy(counts.begin(), counts.end(), base.counts);
    }
    return base;
}

// So that what was counted since `base` is the same for the maps and the place of the new generation as for
// those of the old one. Modulo 2^64: the new ones may hold less.
DeliveryBase go_on(const DeliveryBase& base, const std::vector<DeliveryCount>& old_counts,
                   std::vector<DeliveryCount> counts) {
    const auto add = [&counts](const DeliveryCount& change, bool negative) {
        const auto found = std::find_if(counts.begin(), counts.end(), [&](const DeliveryCount& count) {
            return count.action == change.action && count.reason == change.reason;
        });
        const std::uint64_t packets = negative ? 0 - change.packets : change.packets;
        if (found != counts.end()) {
            found->packets += packets;
        } else {
            counts.push_back({change.action, change.reason, packets});
        }
    };
    std::for_each(old_counts.begin(), old_counts.end(),
                  [&](const DeliveryCount& count) { add(count, true); });
    std::for_each(base.counts, base.counts + base.count,
                  [&](const DeliveryCount& count) { add(count, false); });
    std::erase_if(counts, [](const DeliveryCount& count) { return count.packets == 0; });
    return make_base(base.instance, counts);
}

std::string root_above(const std::string& directory) {
    const std::string parent = directory.substr(0, directory.find_last_of('/'));
    const bool of_namespace =
        netns_of_directory_name(parent.substr(parent.find_last_of('/') + 1)).has_value();
    return of_namespace ? parent.substr(0, parent.find_last_of('/')) : parent;
}

}  // namespace

std::optional<DeliveryReading> read_delivery(const std::string& directory) {
    const auto maps = DeliveryMaps::open(root_above(directory));
    if (!maps || !*maps) {
        return std::nullopt;
    }
    auto counts = (*maps)->read();
    return counts ? std::optional(DeliveryReading{(*maps)->meta().instance, std::move(*counts)})
                  : std::nullopt;
}

void begin_delivery(Meta& meta, const std::optional<Meta>& before, bool new_map,
                    const std::optional<DeliveryReading>& reading) {
    meta.delivery_first = {};
    meta.delivery_map = {};
    if (!reading) {
        return;
    }
    const auto counts = delivery_of(reading->counts, meta);
    const auto old_counts = before ? delivery_of(reading->counts, *before) : std::vector<DeliveryCount>();
    const auto continued = [&](const DeliveryBase& base) {
        return base.instance == reading->instance ? go_on(base, old_counts, counts) : DeliveryBase{};
    };
    meta.delivery_first = before ? continued(before->delivery_first) : make_base(reading->instance, counts);
    const bool same_map = before && before->counter_map_id == meta.counter_map_id;
    if (same_map) {
        meta.delivery_map = continued(before->delivery_map);
    } else if (new_map) {
        meta.delivery_map = make_base(reading->instance, counts);
    }
}

}  // namespace tally::loader
