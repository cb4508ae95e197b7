// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/change/map_compatibility.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/bpf.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace tally::loader {
namespace {

bool share_a_name(const Field& a, const Field& b) {
    if (a.names.empty() && b.names.empty()) {
        return true;
    }
    return std::any_of(a.names.begin(), a.names.end(),
                       [&b](const std::string& name) { return b.names.count(name) > 0; });
}

std::string describe(const Field& field) {
    return fmt::format("{} ({} bits)", fmt::join(field.names, "/"), field.bits);
}

void compare_fields(const Fields& pinned, const Fields& wanted, std::vector<std::string>& differences) {
    std::set<std::uint32_t> offsets;
    for (const Fields* side : {&pinned, &wanted}) {
        for (const auto& [offset, field] : *side) {
            offsets.insert(offset);
        }
    }
    for (const auto offset : offsets) {
        const auto a = pinned.find(offset);
        const auto b = wanted.find(offset);
        const bool same = a != pinned.end() && b != wanted.end() && a->second.bits == b->second.bits &&
                          share_a_name(a->second, b->second);
        if (!same) {
            differences.push_back(fmt::format("value at byte {}{}: pinned {}, wanted {}", offset / 8,
                                              offset % 8 == 0 ? "" : fmt::format(", bit {}", offset % 8),
                                              a == pinned.end() ? "nothing" : describe(a->second),
                                              b == wanted.end() ? "nothing" : describe(b->second)));
        }
    }
}

// What a process may do with its descriptor is no part of the map (BPF_F_RDONLY, BPF_F_WRONLY), and the
// kernel sets BPF_F_RDONLY_PROG on device maps by itself.
std::uint32_t comparable_flags(const MapLayout& layout) {
    const bool device_map = layout.type == BPF_MAP_TYPE_DEVMAP || layout.type == BPF_MAP_TYPE_DEVMAP_HASH;
    const std::uint32_t access = BPF_F_RDONLY | BPF_F_WRONLY;
    const std::uint32_t own = BPF_F_RDONLY_PROG;
    return layout.flags & ~(device_map ? access | own : access);
}

// With BPF_F_NO_COMMON_LRU the kernel gives each CPU as many.
std::uint32_t entries_in_kernel(const MapLayout& wanted) {
    const bool lru = wanted.type == BPF_MAP_TYPE_LRU_HASH || wanted.type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
    if (!lru || (wanted.flags & BPF_F_NO_COMMON_LRU) == 0) {
        return wanted.max_entries;
    }
    const auto cpus = static_cast<std::uint32_t>(std::max(libbpf_num_possible_cpus(), 1));
    return (wanted.max_entries + cpus - 1) / cpus * cpus;
}

}  // namespace

std::vector<std::string> compare_layouts(const MapLayout& pinned, const MapLayout& wanted) {
    std::vector<std::string> differences;
    const auto compare = [&differences](std::string_view what, std::uint32_t a, std::uint32_t b) {
        if (a != b) {
            differences.push_back(fmt::format("{}: pinned {}, wanted {}", what, a, b));
        }
    };
    if (pinned.type != wanted.type) {
        differences.push_back(fmt::format("type: pinned {}, wanted {}", map_type_name(pinned.type),
                                          map_type_name(wanted.type)));
    }
    compare("key size", pinned.key_size, wanted.key_size);
    compare("value size", pinned.value_size, wanted.value_size);
    if (wanted.max_entries != 0) {
        compare("entries", pinned.max_entries, entries_in_kernel(wanted));
    }
    if (comparable_flags(pinned) != comparable_flags(wanted)) {
        differences.push_back(fmt::format("flags: pinned {:#x}, wanted {:#x}", comparable_flags(pinned),
                                          comparable_flags(wanted)));
    }
    if (pinned.value_fields && wanted.value_fields && pinned.value_size == wanted.value_size) {
        compare_fields(*pinned.value_fields, *wanted.value_fields, differences);
    }
    if (!pinned.inner.empty() && !wanted.inner.empty()) {
        MapLayout inner = wanted.inner.front();
        inner.value_fields.reset();  // theirs who made it to name
        if (inner.type != BPF_MAP_TYPE_ARRAY || (inner.flags & BPF_F_INNER_MAP) != 0) {
            inner.max_entries = 0;  // any number will do
        }
        for (const auto& difference : compare_layouts(pinned.inner.front(), inner)) {
            differences.push_back("the maps in it: " + difference);
        }
    }
    return differences;
}

}  // namespace tally::loader
