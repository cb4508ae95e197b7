// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/btf_check.h"

#include <bpf/btf.h>

#include <algorithm>

#include "common/base/unique_handle.h"

namespace tally::loader {
namespace {

// Of typedefs and qualifiers on top of each other: libbpf resolves no more either.
constexpr int kMostNesting = 32;

bool has_name(const btf* types, std::uint32_t offset) {
    return btf__name_by_offset(types, offset) != nullptr;
}

bool has_type(const btf* types, std::uint32_t id) {
    for (int depth = 0; depth < kMostNesting; ++depth) {
        const btf_type* type = btf__type_by_id(types, id);
        if (type == nullptr || !(btf_is_mod(type) || btf_is_typedef(type))) {
            return type != nullptr;
        }
        id = type->type;
    }
    return false;
}

// Members, parameters, enumerators, variables of a section.
template <typename Entry>
bool are_sound(const btf* types, const Entry* entries, std::size_t count) {
    return std::all_of(entries, entries + count, [types](const Entry& entry) {
        bool sound = true;
        if constexpr (requires { entry.name_off; }) {
            sound = has_name(types, entry.name_off);
        }
        if constexpr (requires { entry.type; }) {
            sound = sound && has_type(types, entry.type);
        }
        return sound;
    });
}

bool is_sound(const btf* types, const btf_type* type) {
    if (!has_name(types, type->name_off)) {
        return false;
    }
    const std::size_t count = btf_vlen(type);
    switch (btf_kind(type)) {
        case BTF_KIND_INT:
        case BTF_KIND_FLOAT:
        case BTF_KIND_FWD:
            return true;
        case BTF_KIND_ENUM:
            return are_sound(types, btf_enum(type), count);
        case BTF_KIND_ENUM64:
            return are_sound(types, btf_enum64(type), count);
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
            return are_sound(types, btf_members(type), count);
        case BTF_KIND_DATASEC:
            return are_sound(types, btf_var_secinfos(type), count);
        case BTF_KIND_FUNC_PROTO:
            return has_type(types, type->type) && are_sound(types, btf_params(type), count);
        case BTF_KIND_ARRAY:
            return has_type(types, btf_array(type)->type) && has_type(types, btf_array(type)->index_type);
        case BTF_KIND_FUNC:
            return has_type(types, type->type) && btf_is_func_proto(btf__type_by_id(types, type->type));
        default:  // pointers, qualifiers, typedefs, variables and tags
            return has_type(types, type->type);
    }
}

}  // namespace

std::optional<std::uint32_t> find_broken_type(std::span<const unsigned char> section) {
    const UniqueHandle<btf, btf__free> types(
        btf__new(section.data(), static_cast<std::uint32_t>(section.size())));
    for (std::uint32_t id = 1; types && id < btf__type_cnt(types.get()); ++id) {
        if (!is_sound(types.get(), btf__type_by_id(types.get(), id))) {
            return id;
        }
    }
    return std::nullopt;
}

}  // namespace tally::loader
