// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// The sections and symbols of an ELF file in memory.
#pragma once

#include <gelf.h>
#include <libelf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_handle.h"

namespace tally::loader {

class ElfImage {
  public:
    struct Section {
        std::string_view name;
        std::size_t index = 0;
        Elf_Scn* section = nullptr;
        GElf_Shdr header = {};

        std::uint64_t entries() const {
            return header.sh_entsize == 0 ? 0 : header.sh_size / header.sh_entsize;
        }
    };
    struct Symbol {
        std::string name;
        GElf_Sym symbol = {};

        unsigned type() const { return GELF_ST_TYPE(symbol.st_info); }
        unsigned binding() const { return GELF_ST_BIND(symbol.st_info); }
    };

    // None where it is no ELF file, or has no table of sections. The image has to live longer.
    static std::optional<ElfImage> open(std::span<const unsigned char> image);

    const std::vector<Section>& sections() const { return sections_; }
    const Section* find(std::string_view name) const;
    // As they are in the file; empty where there are none.
    std::span<const unsigned char> content(const Section& section) const;
    // In the order of the table, so that relocations may refer to them by index; as far as it can be read.
    std::vector<Symbol> symbols() const;

  private:
    UniqueHandle<Elf, elf_end> elf_;
    std::vector<Section> sections_;
};

}  // namespace tally::loader
