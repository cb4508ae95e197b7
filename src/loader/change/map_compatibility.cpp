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
            differences.push_back(fmt::format("value at byte {}: pinned {}, wanted {}", offset / 8,
                                              a == pinned.end() ? "nothing" : describe(a->second),
                                              b == wanted.end() ? "nothing" : describe(b->second)));
        }
    }
}

// The kernel sets BPF_F_RDONLY_PROG on device maps by itself.
std::uint32_t comparable_flags(const MapLayout& layout) {
    const bool device_map = layout.type == BPF_MAP_TYPE_DEVMAP || layout.type == BPF_MAP_TYPE_DEVMAP_HASH;
    return device_map ? layout.flags & ~static_cast<std::uint32_t>(BPF_F_RDONLY_PROG) : layout.flags;
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
        compare("entries", pinned.max_entries, wanted.max_entries);
    }
    if (comparable_flags(pinned) != comparable_flags(wanted)) {
        differences.push_back(fmt::format("flags: pinned {:#x}, wanted {:#x}", pinned.flags, wanted.flags));
    }
    if (pinned.value_fields && wanted.value_fields && pinned.value_size == wanted.value_size) {
        compare_fields(*pinned.value_fields, *wanted.value_fields, differences);
    }
    return differences;
}

}  // namespace tally::loader
