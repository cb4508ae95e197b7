// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Whether the type information (BTF) of an object can be followed. libbpf before 1.3 takes it for the work of
// a compiler: in a damaged one it reads beyond the types, or goes round in a circle of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace tally::loader {

// The first type of a .BTF section that refers to a type or name that is not there, or to itself through
// typedefs and qualifiers. None in a section that libbpf refuses anyway. Pure.
std::optional<std::uint32_t> find_broken_type(std::span<const unsigned char> section);

}  // namespace tally::loader
