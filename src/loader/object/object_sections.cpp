// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/object_sections.h"

#include <gelf.h>
#include <libelf.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/unique_handle.h"
#include "loader/object/btf_check.h"

namespace tally::loader {
namespace {

using UniqueElf = UniqueHandle<Elf, elf_end>;

struct Section {
    Elf_Scn* section = nullptr;
    GElf_Shdr header = {};

    std::uint64_t entries() const { return header.sh_entsize == 0 ? 0 : header.sh_size / header.sh_entsize; }
};

// A map's definition has no addresses in it but those of its values.
void find_values(Elf* elf, const Section& symbol_table, std::size_t maps_index,
                 const std::vector<Section>& relocations, ObjectSections& found) {
    Elf_Data* const symbols = elf_getdata(symbol_table.section, nullptr);
    const auto name_of = [&](const GElf_Sym& symbol) {
        const char* const name = elf_strptr(elf, symbol_table.header.sh_link, symbol.st_name);
        return std::string(name != nullptr ? name : "");
    };
    GElf_Sym symbol = {};
    std::map<std::uint64_t, GElf_Sym> maps;  // by where their definitions start
    for (std::uint64_t i = 0; i < symbol_table.entries(); ++i) {
        if (gelf_getsym(symbols, static_cast<int>(i), &symbol) == nullptr) {
            break;
        }
        if (symbol.st_shndx == maps_index && symbol.st_size > 0) {
            maps[symbol.st_value] = symbol;
        }
    }
    for (const auto& section : relocations) {
        Elf_Data* const data = elf_getdata(section.section, nullptr);
        GElf_Rel relocation = {};
        for (std::uint64_t i = 0; i < section.entries(); ++i) {
            if (gelf_getrel(data, static_cast<int>(i), &relocation) == nullptr) {
                break;
            }
            const auto after = maps.upper_bound(relocation.r_offset);
            if (after != maps.begin()) {
                found.filled_maps.insert(name_of(std::prev(after)->second));
            }
            if (gelf_getsym(symbols, static_cast<int>(GELF_R_SYM(relocation.r_info)), &symbol) != nullptr) {
                found.map_values.insert(name_of(symbol));
            }
        }
    }
}

}  // namespace

ObjectSections read_sections(std::span<const unsigned char> image) {
    ObjectSections found;
    elf_version(EV_CURRENT);
    // libelf writes only into what it was told to write.
    auto* octets = const_cast<unsigned char*>(image.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    const UniqueElf elf(elf_memory(reinterpret_cast<char*>(octets), image.size()));
    std::size_t names = 0;
    if (!elf || elf_getshdrstrndx(elf.get(), &names) != 0) {
        return found;
    }
    std::optional<std::size_t> maps_index;
    std::optional<Section> symbol_table;
    std::vector<Section> relocations;
    Section next;
    while ((next.section = elf_nextscn(elf.get(), next.section)) != nullptr) {
        if (gelf_getshdr(next.section, &next.header) == nullptr) {
            break;
        }
        const char* text = elf_strptr(elf.get(), names, next.header.sh_name);
        const std::string_view name = text != nullptr ? text : "";
        if (name == ".maps") {
            maps_index = elf_ndxscn(next.section);
        }
        found.legacy_maps = found.legacy_maps || name == "maps";
        if (name == ".BTF") {
            found.btf = true;
            const Elf_Data* const data = elf_rawdata(next.section, nullptr);
            if (data != nullptr && data->d_buf != nullptr) {
                found.broken_type =
                    find_broken_type({static_cast<const unsigned char*>(data->d_buf), data->d_size});
            }
        }
        if (next.header.sh_type == SHT_SYMTAB) {
            symbol_table = next;
        } else if (next.header.sh_type == SHT_REL) {
            relocations.push_back(next);
        }
    }
    found.maps = maps_index.has_value();
    if (!maps_index || !symbol_table) {
        return found;
    }
    std::erase_if(relocations, [&](const Section& section) { return section.header.sh_info != *maps_index; });
    find_values(elf.get(), *symbol_table, *maps_index, relocations, found);
    return found;
}

}  // namespace tally::loader
