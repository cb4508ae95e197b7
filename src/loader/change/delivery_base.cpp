// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/delivery_base.h"

#include <utility>

#include "common/base/directory.h"
#include "common/pins/pin_names.h"

namespace tally::loader {
namespace {

// Nothing is known where there is more than a meta has room for.
DeliveryBase make_base(std::uint64_t instance, DeliverySums sums) {
    DeliveryBase base = {};
    std::erase_if(sums, [](const auto& sum) { return sum.second == 0; });
    if (sums.size() <= XDP_TALLY_DELIVERY_BASE_MAX) {
        base.instance = instance;
        for (const auto& [key, packets] : sums) {
            base.counts[base.count++] = {key.first, key.second, packets};
        }
    }
    return base;
}

// So that what was counted since `base` is the same for the maps and the place of the new generation as for
// those of the old one.
DeliveryBase go_on(const DeliveryBase& base, const DeliverySums& old_counts, DeliverySums counts) {
    subtract(counts, old_counts);
    add(counts, sums_of(base));
    return make_base(base.instance, std::move(counts));
}

std::string root_above(const std::string& directory) {
    const std::string of_namespace = namespace_directory_of(directory);
    return directory_of(of_namespace.empty() ? directory : of_namespace);
}

}  // namespace

Result<std::optional<DeliveryReading>> read_delivery(const std::string& directory) {
    const auto none = std::optional<DeliveryReading>();
    TALLY_ASSIGN_OR_RETURN(const auto maps, answer_of(DeliveryMaps::open(root_above(directory))));
    if (!maps || !*maps) {
        return none;
    }
    TALLY_ASSIGN_OR_RETURN(auto counts, answer_of((*maps)->read()));
    return counts ? DeliveryReading{(*maps)->meta().instance, std::move(*counts)} : none;
}

void begin_delivery(Meta& meta, const std::optional<Meta>& before, bool new_map,
                    const std::optional<DeliveryReading>& reading) {
    meta.delivery_first = {};
    meta.delivery_map = {};
    if (!reading) {
        return;
    }
    const auto counts = delivery_of(reading->counts, meta);
    const auto old_counts = before ? delivery_of(reading->counts, *before) : DeliverySums();
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
