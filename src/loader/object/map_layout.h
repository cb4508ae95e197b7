// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The layout of a map, down to the fields of its value: of one that an object defines, and of one in the
// kernel.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/bpf/bpf_info.h"

struct btf;
struct bpf_map;

namespace tally::loader {

// The scalars and arrays of scalars in a value, by their offset in bits; of a data section, in its variables.
// A union puts several names on one offset.
struct Field {
    std::uint32_t bits = 0;
    std::set<std::string> names;  // path inside the value, e.g. "stats.rx_bytes", "stats[5].rx_bytes"
};
using Fields = std::map<std::uint32_t, Field>;

struct MapLayout {
    std::uint32_t type = 0;
    std::uint32_t key_size = 0;
    std::uint32_t value_size = 0;
    std::uint32_t max_entries = 0;  // 0: the kernel chooses
    std::uint32_t flags = 0;
    std::optional<Fields> value_fields;  // none where there is no BTF, or it may not be read
    std::vector<MapLayout> inner;        // one, of the maps in a map of maps, where it is known
};

MapLayout layout_of(bpf_map* map, const btf* object_btf);
// The BTF of a map in the kernel is read by id, which takes CAP_SYS_ADMIN; without it sizes alone are known.
// So is one of the maps in a map of maps, which tells the layout of all.
MapLayout layout_of(const MapInfo& pinned);

// The fields of a BTF type.
Fields flatten_type(const btf* btf, std::uint32_t type_id);

}  // namespace tally::loader
