// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/map_layout.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstring>

#include "common/base/unique_handle.h"

namespace tally::loader {
namespace {

// How deep a value's types are followed, how many of them, and how long names are. Legal types stay far
// below; a damaged object may claim a struct that holds itself, twice.
constexpr int kMaxDepth = 16;
constexpr int kMaxTypes = 4096;
constexpr std::size_t kMaxName = 512;  // KSYM_NAME_LEN

// An anonymous member's own members count as those of what it is in.
std::string name_below(const std::string& path, const char* name) {
    if (name == nullptr || *name == '\0') {
        return path;
    }
    return (path.empty() ? "" : path + '.') + std::string(name, ::strnlen(name, kMaxName));
}

void add_field(std::uint32_t offset, std::uint32_t bits, const std::string& name, Fields& fields) {
    Field& field = fields[offset];
    field.bits = bits;
    if (!name.empty()) {
        field.names.insert(name);
    }
}

void flatten(const btf* btf, std::uint32_t type_id, std::uint32_t offset, const std::string& path, int depth,
             int& types_left, Fields& fields) {
    const int resolved = btf__resolve_type(btf, type_id);
    const btf_type* type =
        resolved > 0 ? btf__type_by_id(btf, static_cast<std::uint32_t>(resolved)) : nullptr;
    if (type == nullptr || depth > kMaxDepth || --types_left < 0) {
        return;
    }
    if (btf_is_datasec(type)) {
        const btf_var_secinfo* variables = btf_var_secinfos(type);
        for (std::uint32_t i = 0; i < btf_vlen(type); ++i) {
            const btf_type* variable = btf__type_by_id(btf, variables[i].type);
            if (variable != nullptr && btf_is_var(variable)) {
                flatten(btf, variable->type, offset + variables[i].offset * 8,
                        name_below(path, btf__name_by_offset(btf, variable->name_off)), depth + 1, types_left,
                        fields);
            }
        }
        return;
    }
    if (btf_is_composite(type)) {
        const btf_member* members = btf_members(type);
        for (std::uint32_t i = 0; i < btf_vlen(type); ++i) {
            const auto at = offset + btf_member_bit_offset(type, i);
            const auto name = name_below(path, btf__name_by_offset(btf, members[i].name_off));
            if (const auto bits = btf_member_bitfield_size(type, i); bits != 0) {
                add_field(at, bits, name, fields);
            } else {
                flatten(btf, members[i].type, at, name, depth + 1, types_left, fields);
            }
        }
        return;
    }
    if (btf_is_array(type)) {
        // Of structs, the first stands for all: how many there are is part of the name.
        const struct btf_array* array = btf_array(type);
        const int element = btf__resolve_type(btf, array->type);
        const btf_type* kind =
            element > 0 ? btf__type_by_id(btf, static_cast<std::uint32_t>(element)) : nullptr;
        if (kind != nullptr && (btf_is_composite(kind) || btf_is_array(kind))) {
            flatten(btf, array->type, offset, fmt::format("{}[{}]", path, array->nelems), depth + 1,
                    types_left, fields);
            return;
        }
    }
    const auto size = btf__resolve_size(btf, type_id);
    add_field(offset, size > 0 ? static_cast<std::uint32_t>(size) * 8 : 0, path, fields);
}

// The kernel keeps to itself which maps it takes there: none where there is no entry, of an array among its
// first ones.
std::vector<MapLayout> layout_of_values(const MapInfo& map_of_maps) {
    const auto outer = open_map_by_id(map_of_maps.id, true);
    std::vector<unsigned char> key(map_of_maps.key_size);
    std::uint32_t id = 0;
    const void* before = nullptr;
    constexpr int kMostKeys = 256;
    for (int i = 0; i < kMostKeys && outer && bpf_map_get_next_key(outer->get(), before, key.data()) == 0;
         ++i) {
        before = key.data();
        if (bpf_map_lookup_elem(outer->get(), key.data(), &id) == 0) {
            const auto inner = open_map_by_id(id, true);
            const auto info = inner ? map_info(inner->get()) : inner.error();
            return info ? std::vector{layout_of(*info)} : std::vector<MapLayout>();
        }
    }
    return {};
}

}  // namespace

Fields flatten_type(const btf* btf, std::uint32_t type_id) {
    Fields fields;
    int types_left = kMaxTypes;
    flatten(btf, type_id, 0, "", 0, types_left, fields);
    return fields;
}

MapLayout layout_of(bpf_map* map, const btf* object_btf) {
    MapLayout layout;
    layout.type = bpf_map__type(map);
    layout.key_size = bpf_map__key_size(map);
    layout.value_size = bpf_map__value_size(map);
    layout.max_entries = bpf_map__max_entries(map);
    layout.flags = bpf_map__map_flags(map);
    if (const auto type_id = bpf_map__btf_value_type_id(map); object_btf != nullptr && type_id != 0) {
        layout.value_fields = flatten_type(object_btf, type_id);
    }
    if (bpf_map* const inner = bpf_map__inner_map(map); inner != nullptr) {
        layout.inner.push_back(layout_of(inner, object_btf));
    }
    return layout;
}

MapLayout layout_of(const MapInfo& pinned) {
    MapLayout layout;
    layout.type = pinned.type;
    layout.key_size = pinned.key_size;
    layout.value_size = pinned.value_size;
    layout.max_entries = pinned.max_entries;
    layout.flags = pinned.flags;
    if (pinned.btf_id != 0 && pinned.btf_value_type_id != 0) {
        if (const UniqueHandle<btf, btf__free> loaded(btf__load_from_kernel_by_id(pinned.btf_id)); loaded) {
            layout.value_fields = flatten_type(loaded.get(), pinned.btf_value_type_id);
        }
    }
    if (pinned.type == BPF_MAP_TYPE_ARRAY_OF_MAPS || pinned.type == BPF_MAP_TYPE_HASH_OF_MAPS) {
        layout.inner = layout_of_values(pinned);
    }
    return layout;
}

}  // namespace tally::loader
