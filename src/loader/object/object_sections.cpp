// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/object_sections.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>
#include <vector>

#include "loader/object/btf_check.h"
#include "loader/object/elf_image.h"

namespace tally::loader {
namespace {

// A map's definition has no addresses in it but those of its values.
void find_values(const ElfImage& elf, std::size_t maps_index, ObjectSections& found) {
    const auto symbols = elf.symbols();
    std::map<std::uint64_t, std::string> maps;  // by where their definitions start
    for (const auto& [name, symbol] : symbols) {
        if (symbol.st_shndx == maps_index && symbol.st_size > 0) {
            maps[symbol.st_value] = name;
        }
    }
    for (const auto& section : elf.sections()) {
        if (section.header.sh_type != SHT_REL || section.header.sh_info != maps_index) {
            continue;
        }
        Elf_Data* const data = elf_getdata(section.section, nullptr);
        GElf_Rel relocation = {};
        for (std::uint64_t i = 0; i < section.entries(); ++i) {
            if (gelf_getrel(data, static_cast<int>(i), &relocation) == nullptr) {
                break;
            }
            const auto after = maps.upper_bound(relocation.r_offset);
            if (after != maps.begin()) {
                found.filled_maps.insert(std::prev(after)->second);
            }
            const auto value = GELF_R_SYM(relocation.r_info);
            if (value < symbols.size()) {
                found.map_values.insert(symbols[value].name);
            }
        }
    }
}

std::string text_of(std::span<const unsigned char> content) {
    return {content.begin(), std::find(content.begin(), content.end(), '\0')};
}

}  // namespace

ObjectSections read_sections(std::span<const unsigned char> image) {
    ObjectSections found;
    const auto elf = ElfImage::open(image);
    if (!elf) {
        return found;
    }
    found.legacy_maps = elf->find("maps") != nullptr;
    if (const auto* section = elf->find("license"); section != nullptr) {
        found.license = text_of(elf->content(*section));
    }
    for (const auto& section : elf->sections()) {
        if (section.name == ".BTF") {
            found.btf = true;
            found.broken_type = find_broken_type(elf->content(section));
        }
    }
    if (const auto* maps = elf->find(".maps"); maps != nullptr) {
        found.maps = true;
        find_values(*elf, maps->index, found);
    }
    return found;
}

}  // namespace tally::loader
