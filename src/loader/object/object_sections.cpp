// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/object_sections.h"

#include <gelf.h>
#include <libelf.h>

#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace tally::loader {
namespace {

struct ElfDeleter {
    void operator()(Elf* elf) const { elf_end(elf); }
};
using UniqueElf = std::unique_ptr<Elf, ElfDeleter>;

struct Section {
    Elf_Scn* section = nullptr;
    GElf_Shdr header = {};

    std::uint64_t entries() const { return header.sh_entsize == 0 ? 0 : header.sh_size / header.sh_entsize; }
};

class Symbols {
  public:
    Symbols(Elf* elf, const Section& table, std::size_t maps_index)
        : elf_(elf), strings_(table.header.sh_link), data_(elf_getdata(table.section, nullptr)) {
        GElf_Sym symbol = {};
        for (std::uint64_t i = 0; i < table.entries(); ++i) {
            if (gelf_getsym(data_, static_cast<int>(i), &symbol) == nullptr) {
                break;
            }
            if (symbol.st_shndx == maps_index && symbol.st_size > 0) {
                maps_[symbol.st_value] = symbol;
            }
        }
    }

    std::string name_at(std::size_t index) const {
        GElf_Sym symbol = {};
        return gelf_getsym(data_, static_cast<int>(index), &symbol) != nullptr ? name_of(symbol) : "";
    }

    // The map that has this byte of the section in its definition.
    std::string map_around(std::uint64_t offset) const {
        const auto after = maps_.upper_bound(offset);
        if (after == maps_.begin()) {
            return "";
        }
        const auto& [start, symbol] = *std::prev(after);
        return offset - start < symbol.st_size ? name_of(symbol) : "";
    }

  private:
    std::string name_of(const GElf_Sym& symbol) const {
        const char* name = elf_strptr(elf_, strings_, symbol.st_name);
        return name != nullptr ? name : "";
    }

    Elf* elf_;
    std::size_t strings_;
    Elf_Data* data_;
    std::map<std::uint64_t, GElf_Sym> maps_;  // by where they start
};

// A map's definition has no addresses in it but those of its values.
void add_values(const Section& relocations, const Symbols& symbols, ObjectSections& found) {
    Elf_Data* data = elf_getdata(relocations.section, nullptr);
    GElf_Rel relocation = {};
    for (std::uint64_t i = 0; i < relocations.entries(); ++i) {
        if (gelf_getrel(data, static_cast<int>(i), &relocation) == nullptr) {
            break;
        }
        found.filled_maps.insert(symbols.map_around(relocation.r_offset));
        found.map_values.insert(symbols.name_at(GELF_R_SYM(relocation.r_info)));
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
        found.btf = found.btf || name == ".BTF";
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
    const Symbols symbols(elf.get(), *symbol_table, *maps_index);
    for (const auto& section : relocations) {
        if (section.header.sh_info == *maps_index) {
            add_values(section, symbols, found);
        }
    }
    return found;
}

}  // namespace tally::loader
