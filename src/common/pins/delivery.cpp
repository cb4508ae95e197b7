// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "common/pins/delivery.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include <xdp_tally/abi.h>

#include "common/bpf/bpf_info.h"
#include "common/pins/bpffs.h"

namespace tally {
namespace {

constexpr const char* kReadingDelivery = "reading what became of packets";
constexpr std::uint32_t kEntriesAtOnce = 512;

Result<DeliveryMeta> read_meta_pin(const std::string& directory) {
    TALLY_ASSIGN_OR_RETURN(const auto fd, open_map_pin(directory + '/' + XDP_TALLY_DELIVERY_META_NAME, true));
    TALLY_ASSIGN_OR_RETURN(const auto info, map_info(fd.get()));
    TALLY_ASSIGN_OR_RETURN(const auto value, single_value(fd.get(), info, kReadingDelivery));
    if (!value) {
        return make_error(ErrorKind::kConflict, kReadingDelivery,
                          fmt::format("the meta in {} has a different layout", directory));
    }
    return decode_delivery_meta(*value);
}

// Who writes to the directory is believed.
Result<void> check_directory(const std::string& directory, const std::string& bpffs) {
    auto checked = check_trusted(directory, bpffs);
    if (!checked) {
        checked.error().hint.clear();
    }
    return checked;
}

struct ExpectedMap {
    const char* name;
    std::uint32_t id;
    bpf_map_type type;
    std::size_t key_size;
    std::uint32_t least_entries;
};

// None where there is another map, or no pin: it is being replaced.
Result<std::optional<UniqueFd>> open_map(const std::string& directory, const ExpectedMap& expected) {
    auto pin = open_map_pin(directory + '/' + expected.name, true);
    if (!pin && pin.error().code == ENOENT) {
        return std::optional<UniqueFd>();
    }
    TALLY_ASSIGN_OR_RETURN(auto fd, std::move(pin));
    TALLY_ASSIGN_OR_RETURN(const auto info, map_info(fd.get()));
    if (info.id != expected.id) {
        return std::optional<UniqueFd>();
    }
    if (info.type != expected.type || info.key_size != expected.key_size ||
        info.value_size != sizeof(std::uint64_t) || info.max_entries < expected.least_entries) {
        return make_error(ErrorKind::kConflict, kReadingDelivery,
                          fmt::format("map {} '{}' has a different layout", info.id, expected.name));
    }
    return std::optional(std::move(fd));
}

// Calls visit(key, packets) for every entry. BPF_MAP_LOOKUP_BATCH: kernel 5.6.
template <typename Key, typename Visit>
Result<void> for_each_entry(const UniqueFd& map, Visit visit) {
    TALLY_ASSIGN_OR_RETURN(const std::size_t cpus, possible_cpus());
    std::vector<Key> keys(kEntriesAtOnce);
    std::vector<std::uint64_t> values(keys.size() * cpus);
    std::uint32_t position = 0;
    std::uint32_t* from = nullptr;
    for (;;) {
        auto count = static_cast<std::uint32_t>(keys.size());
        const int code =
            bpf_map_lookup_batch(map.get(), from, &position, keys.data(), values.data(), &count, nullptr);
        if (code != 0 && errno == ENOSPC) {  // one bucket has more
            keys.resize(keys.size() * 2);
            values.resize(keys.size() * cpus);
            continue;
        }
        if (code != 0 && errno != ENOENT) {
            return last_error(kReadingDelivery);
        }
        for (std::size_t i = 0; i < count; ++i) {
            const auto first = values.begin() + static_cast<std::ptrdiff_t>(i * cpus);
            visit(keys[i],
                  std::accumulate(first, first + static_cast<std::ptrdiff_t>(cpus), std::uint64_t{0}));
        }
        if (code != 0) {  // ENOENT: that was the last
            return {};
        }
        from = &position;
    }
}

}  // namespace

std::string delivery_directory(const std::string& bpffs) {
    return bpffs + '/' + XDP_TALLY_DELIVERY_DIRECTORY;
}

Result<DeliveryMeta> decode_delivery_meta(std::span<const unsigned char> value) {
    DeliveryMeta meta = {};
    if (value.size() >= sizeof(meta)) {
        std::memcpy(&meta, value.data(), sizeof(meta));
    }
    if (meta.magic != XDP_TALLY_DELIVERY_MAGIC || meta.abi_version < XDP_TALLY_DELIVERY_ABI_VERSION ||
        meta.instance == 0) {
        return make_error(ErrorKind::kConflict, kReadingDelivery, "the meta is not one of xdp_loader");
    }
    return meta;
}

Result<std::optional<DeliveryMeta>> read_delivery_meta(const std::string& bpffs) {
    const std::string directory = delivery_directory(bpffs);
    auto meta = read_meta_pin(directory);
    if (!meta && meta.error().code == ENOENT) {
        return std::optional<DeliveryMeta>();
    }
    TALLY_TRY(check_directory(directory, bpffs));
    if (!meta) {
        return explain_barrier(std::move(meta).error(), directory + '/' + XDP_TALLY_DELIVERY_META_NAME);
    }
    return std::optional(*meta);
}

Result<std::optional<DeliveryMaps>> DeliveryMaps::open(const std::string& bpffs) {
    TALLY_ASSIGN_OR_RETURN(const auto meta, read_delivery_meta(bpffs));
    if (!meta) {
        return std::optional<DeliveryMaps>();
    }
    DeliveryMaps maps;
    maps.meta_ = *meta;
    const std::array<std::pair<ExpectedMap, UniqueFd*>, 3> wanted = {{
        {{XDP_TALLY_DELIVERY_DEVICES_NAME, meta->devices_map_id, BPF_MAP_TYPE_PERCPU_HASH,
          sizeof(xdp_tally_delivery_key), 1},
         &maps.devices_},
        {{XDP_TALLY_DELIVERY_CPUMAPS_NAME, meta->cpumaps_map_id, BPF_MAP_TYPE_PERCPU_HASH,
          sizeof(xdp_tally_cpumap_key), 1},
         &maps.cpumaps_},
        {{XDP_TALLY_DELIVERY_OVERFLOW_NAME, meta->overflow_map_id, BPF_MAP_TYPE_PERCPU_ARRAY,
          sizeof(std::uint32_t), XDP_TALLY_OVERFLOWS},
         &maps.overflow_},
    }};
    for (const auto& [expected, fd] : wanted) {
        TALLY_ASSIGN_OR_RETURN(auto opened, open_map(delivery_directory(bpffs), expected));
        if (!opened) {
            return std::optional<DeliveryMaps>();
        }
        *fd = std::move(*opened);
    }
    return std::optional(std::move(maps));
}

Result<DeliveryCounts> DeliveryMaps::read() const {
    DeliveryCounts counts;
    TALLY_TRY(for_each_entry<xdp_tally_delivery_key>(
        devices_, [&](const xdp_tally_delivery_key& key, std::uint64_t packets) {
            counts.devices.push_back({key, packets});
        }));
    TALLY_TRY(for_each_entry<xdp_tally_cpumap_key>(
        cpumaps_, [&](const xdp_tally_cpumap_key& key, std::uint64_t packets) {
            counts.cpumaps.push_back({key, packets});
        }));
    TALLY_ASSIGN_OR_RETURN(const std::size_t cpus, possible_cpus());
    std::vector<std::uint64_t> values(cpus);
    for (std::uint32_t entry = 0; entry < XDP_TALLY_OVERFLOWS; ++entry) {
        if (bpf_map_lookup_elem(overflow_.get(), &entry, values.data()) != 0) {
            return last_error(kReadingDelivery);
        }
        counts.overflow[entry] = std::accumulate(values.begin(), values.end(), std::uint64_t{0});
    }
    sort_counts(counts);
    return counts;
}

}  // namespace tally
