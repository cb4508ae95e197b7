// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/delivery/tracepoints.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <bit>

namespace tally::loader {
namespace {

// A type without its names and qualifiers.
const btf_type* resolve(const btf* kernel, std::uint32_t id) {
    const int resolved = btf__resolve_type(kernel, id);
    return resolved < 0 ? nullptr : btf__type_by_id(kernel, static_cast<std::uint32_t>(resolved));
}

bool has_form(const btf_type* type, char form) {
    if (type == nullptr) {
        return false;
    }
    return form == 'p' ? btf_is_ptr(type) : btf_is_int(type) && type->size == sizeof(int);
}

}  // namespace

std::uint32_t Tracepoint::slot() const {
    return static_cast<std::uint32_t>(std::countr_zero(bit));
}

std::string Tracepoint::link_pin() const {
    return fmt::format("link_{}", name);
}

bool has_tracepoint(const btf* kernel, const Tracepoint& tracepoint) {
    // typedef void (*btf_trace_NAME)(void *data, arguments...)
    const int id = btf__find_by_name_kind(kernel, fmt::format("btf_trace_{}", tracepoint.name).c_str(),
                                          BTF_KIND_TYPEDEF);
    const btf_type* const pointer = id < 0 ? nullptr : resolve(kernel, static_cast<std::uint32_t>(id));
    const btf_type* const prototype =
        pointer != nullptr && btf_is_ptr(pointer) ? btf__type_by_id(kernel, pointer->type) : nullptr;
    if (prototype == nullptr || !btf_is_func_proto(prototype) ||
        btf_vlen(prototype) < tracepoint.form.size() + 1) {
        return false;
    }
    const btf_param* const arguments = btf_params(prototype) + 1;
    for (std::size_t i = 0; i < tracepoint.form.size(); ++i) {
        if (!has_form(resolve(kernel, arguments[i].type), tracepoint.form[i])) {
            return false;
        }
    }
    return true;
}

std::vector<std::string> tracepoint_names(std::uint32_t bits) {
    std::vector<std::string> names;
    for (const auto& tracepoint : kTracepoints) {
        if ((bits & tracepoint.bit) != 0) {
            names.emplace_back(tracepoint.name);
        }
    }
    return names;
}

}  // namespace tally::loader
