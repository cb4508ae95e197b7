// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/hook/component_signature.h"

#include <fmt/format.h>

#include <string_view>

namespace tally::loader {
namespace {

// None for void.
const btf_type* without_modifiers(const btf* types, std::uint32_t id) {
    const int resolved = btf__resolve_type(types, id);
    return resolved > 0 ? btf__type_by_id(types, static_cast<std::uint32_t>(resolved)) : nullptr;
}

// In a damaged object pointers may lead back to themselves.
constexpr int kMostPointers = 32;

// For people: "enum xdp_action", "void *".
std::string describe(const btf* types, std::uint32_t id) {
    const btf_type* type = without_modifiers(types, id);
    std::string pointers;
    for (int depth = 0; type != nullptr && btf_is_ptr(type); ++depth) {
        if (depth == kMostPointers) {
            return "a pointer to pointers without an end";
        }
        pointers += " *";
        type = without_modifiers(types, type->type);
    }
    if (type == nullptr) {
        return "void" + pointers;
    }
    const std::string name = btf__name_by_offset(types, type->name_off);
    const std::string_view prefix = btf_is_any_enum(type) ? "enum "
                                    : btf_is_struct(type) ? "struct "
                                    : btf_is_union(type)  ? "union "
                                                          : "";
    return fmt::format("{}{}{}", prefix, name.empty() ? "without a name" : name, pointers);
}

}  // namespace

bool is_packet_context(const btf* types, std::uint32_t id) {
    const btf_type* pointer = without_modifiers(types, id);
    const btf_type* pointee =
        pointer != nullptr && btf_is_ptr(pointer) ? without_modifiers(types, pointer->type) : nullptr;
    return pointee != nullptr && btf_is_struct(pointee) &&
           std::string_view(btf__name_by_offset(types, pointee->name_off)) == "xdp_md";
}

std::string signature_obstacle(const btf* types, const std::string& function) {
    const int id = btf__find_by_name_kind(types, function.c_str(), BTF_KIND_FUNC);
    if (id < 0) {
        return "its function is not in the object's BTF (compile it with -g)";
    }
    const btf_type* prototype =
        without_modifiers(types, btf__type_by_id(types, static_cast<std::uint32_t>(id))->type);
    if (prototype == nullptr || !btf_is_func_proto(prototype)) {
        return "its function has no type in the object's BTF";
    }
    const btf_type* result = without_modifiers(types, prototype->type);
    const std::string expected = fmt::format("a dispatcher takes `int {}(struct xdp_md *)`, and ", function);
    if (result == nullptr || !btf_is_int(result)) {
        return fmt::format("{}its return type is {}", expected, describe(types, prototype->type));
    }
    const std::uint16_t count = btf_vlen(prototype);
    if (count != 1) {
        return fmt::format("{}it has {} parameters", expected, count);
    }
    const std::uint32_t parameter = btf_params(prototype)->type;
    return is_packet_context(types, parameter)
               ? std::string()
               : fmt::format("{}its parameter is {}", expected, describe(types, parameter));
}

}  // namespace tally::loader
