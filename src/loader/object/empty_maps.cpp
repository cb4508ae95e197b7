// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/empty_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include "common/bpf/bpf_info.h"

namespace tally::loader {
namespace {

bool leads_elsewhere(bpf_map_type type) {
    switch (type) {
        case BPF_MAP_TYPE_DEVMAP:
        case BPF_MAP_TYPE_DEVMAP_HASH:
        case BPF_MAP_TYPE_CPUMAP:
        case BPF_MAP_TYPE_XSKMAP:
        case BPF_MAP_TYPE_PROG_ARRAY:
            return true;
        default:
            return false;
    }
}

// Of a map that was in use before: false, too, where it cannot be told at a small price.
bool is_found_empty(const bpf_map* map) {
    constexpr std::uint32_t kAtMost = 4096;
    if (bpf_map__key_size(map) != sizeof(std::uint32_t) || bpf_map__type(map) == BPF_MAP_TYPE_XSKMAP) {
        return false;
    }
    const int fd = bpf_map__fd(map);
    if (bpf_map__type(map) == BPF_MAP_TYPE_DEVMAP_HASH) {
        std::uint32_t key = 0;
        return bpf_map_get_next_key(fd, nullptr, &key) != 0 && errno == ENOENT;
    }
    std::array<std::uint64_t, 2> value = {};  // the largest: bpf_devmap_val and bpf_cpumap_val have 8 bytes
    for (std::uint32_t key = 0; key < bpf_map__max_entries(map); ++key) {
        if (key == kAtMost || bpf_map__value_size(map) > sizeof(value) ||
            bpf_map_lookup_elem(fd, &key, value.data()) == 0 || errno != ENOENT) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::string describe_empty_maps(const ProgramObject& object) {
    std::vector<std::string> names;
    for (const auto& map : object.maps()) {
        if (leads_elsewhere(bpf_map__type(map.map)) && map.reusable &&
            (!map.reused || is_found_empty(map.map))) {
            names.push_back(fmt::format("{} ({})", map.name, map_type_name(bpf_map__type(map.map))));
        }
    }
    return names.empty() ? std::string()
                         : fmt::format("empty, until its own user program fills {}: {}",
                                       names.size() == 1 ? "it" : "them", fmt::join(names, ", "));
}

}  // namespace tally::loader
