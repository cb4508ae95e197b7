// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/elf_image.h"

#include <algorithm>

namespace tally::loader {

std::optional<ElfImage> ElfImage::open(std::span<const unsigned char> image) {
    ElfImage self;
    elf_version(EV_CURRENT);
    // libelf writes only into what it was told to write.
    auto* octets = const_cast<unsigned char*>(image.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    self.elf_.reset(elf_memory(reinterpret_cast<char*>(octets), image.size()));
    std::size_t names = 0;
    if (!self.elf_ || elf_getshdrstrndx(self.elf_.get(), &names) != 0) {
        return std::nullopt;
    }
    Section next;
    while ((next.section = elf_nextscn(self.elf_.get(), next.section)) != nullptr) {
        if (gelf_getshdr(next.section, &next.header) == nullptr) {
            break;
        }
        const char* const name = elf_strptr(self.elf_.get(), names, next.header.sh_name);
        next.name = name != nullptr ? name : "";
        next.index = elf_ndxscn(next.section);
        self.sections_.push_back(next);
    }
    return self;
}

const ElfImage::Section* ElfImage::find(std::string_view name) const {
    const auto found = std::find_if(sections_.begin(), sections_.end(),
                                    [&](const Section& section) { return section.name == name; });
    return found == sections_.end() ? nullptr : &*found;
}

std::span<const unsigned char> ElfImage::content(const Section& section) const {
    const Elf_Data* const data = elf_rawdata(section.section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) {
        return {};
    }
    return {static_cast<const unsigned char*>(data->d_buf), data->d_size};
}

std::vector<ElfImage::Symbol> ElfImage::symbols() const {
    std::vector<Symbol> symbols;
    const auto table = std::find_if(sections_.begin(), sections_.end(), [](const Section& section) {
        return section.header.sh_type == SHT_SYMTAB;
    });
    if (table == sections_.end()) {
        return symbols;
    }
    Elf_Data* const data = elf_getdata(table->section, nullptr);
    for (std::uint64_t i = 0; i < table->entries(); ++i) {
        Symbol next;
        if (gelf_getsym(data, static_cast<int>(i), &next.symbol) == nullptr) {
            break;
        }
        const char* const name = elf_strptr(elf_.get(), table->header.sh_link, next.symbol.st_name);
        next.name = name != nullptr ? name : "";
        symbols.push_back(std::move(next));
    }
    return symbols;
}

}  // namespace tally::loader
