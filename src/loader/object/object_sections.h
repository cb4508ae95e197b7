// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// What an object file says of itself that libbpf knows, but does not tell.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>

namespace tally::loader {

struct ObjectSections {
    bool maps = false;         // SEC(".maps"): definitions that need BTF
    bool legacy_maps = false;  // SEC("maps"): struct bpf_map_def, which libbpf 1.0 and later do not support
    bool btf = false;
    std::optional<std::string> license;
    std::optional<std::uint32_t> broken_type;  // of the BTF (find_broken_type)
    // `.values = {...}` of maps: which maps the object itself fills, and what it puts there.
    std::set<std::string> filled_maps;
    std::set<std::string> map_values;  // names of its programs and maps
};

// Nothing is known of what is no ELF file.
ObjectSections read_sections(std::span<const unsigned char> image);

}  // namespace tally::loader
