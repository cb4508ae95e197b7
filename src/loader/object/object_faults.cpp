// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/object_faults.h"

#include <bpf/btf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "loader/object/elf_image.h"

namespace tally::loader {
namespace {

// As the recipes have it: on Debian, <asm/types.h> is where this target is not looked for.
constexpr const char* kCompile =
    "compile it with `clang -target bpf -g -O2 -idirafter /usr/include/$(uname -m)-linux-gnu -c prog.bpf.c "
    "-o prog.bpf.o`";

std::string machine_name(unsigned machine) {
    constexpr std::array<std::pair<unsigned, const char*>, 8> kNames = {{{EM_X86_64, "x86-64"},
                                                                         {EM_386, "i386"},
                                                                         {EM_AARCH64, "arm64"},
                                                                         {EM_ARM, "arm"},
                                                                         {EM_RISCV, "RISC-V"},
                                                                         {EM_S390, "s390"},
                                                                         {EM_PPC64, "POWER"},
                                                                         {EM_MIPS, "MIPS"}}};
    const auto* const found = std::find_if(kNames.begin(), kNames.end(),
                                           [machine](const auto& name) { return name.first == machine; });
    return found != kNames.end() ? found->second : fmt::format("another machine (ELF number {})", machine);
}

// Both are at the same place in 32-bit and 64-bit files, in the file's byte order.
std::uint16_t half_word(std::span<const unsigned char> image, std::size_t offset) {
    const unsigned low = image[EI_DATA] == ELFDATA2MSB ? image[offset + 1] : image[offset];
    const unsigned high = image[EI_DATA] == ELFDATA2MSB ? image[offset] : image[offset + 1];
    return static_cast<std::uint16_t>(low | high << 8U);
}

// What the type information says of the names that the object takes from elsewhere.
struct Externs {
    std::set<std::string> declared;    // with `extern`, rather than used without any declaration
    std::set<std::string> resolvable;  // by the kernel: __ksym and __kconfig
};

Externs read_externs(const ElfImage& elf) {
    Externs found;
    const auto* const section = elf.find(".BTF");
    const auto content = section != nullptr ? elf.content(*section) : std::span<const unsigned char>();
    const UniqueHandle<btf, btf__free> types(
        btf__new(content.data(), static_cast<std::uint32_t>(content.size())));
    const auto name_of = [&](const btf_type* type) -> std::string_view {
        const char* const name = type != nullptr ? btf__name_by_offset(types.get(), type->name_off) : nullptr;
        return name != nullptr ? name : "";
    };
    for (std::uint32_t id = 1; types && id < btf__type_cnt(types.get()); ++id) {
        const btf_type* const type = btf__type_by_id(types.get(), id);
        if ((btf_is_func(type) && btf_vlen(type) == BTF_FUNC_EXTERN) ||
            (btf_is_var(type) && btf_var(type)->linkage == BTF_VAR_GLOBAL_EXTERN)) {
            found.declared.emplace(name_of(type));
        }
        if (btf_is_datasec(type) && (name_of(type) == ".ksyms" || name_of(type) == ".kconfig")) {
            for (int i = 0; i < btf_vlen(type); ++i) {
                found.resolvable.emplace(
                    name_of(btf__type_by_id(types.get(), btf_var_secinfos(type)[i].type)));
            }
        }
    }
    return found;
}

bool is_helper(std::string_view name) {
#define TALLY_HELPER_NAME(helper) "bpf_" #helper
    constexpr std::array kHelpers = {__BPF_FUNC_MAPPER(TALLY_HELPER_NAME)};
#undef TALLY_HELPER_NAME
    return std::find(kHelpers.begin(), kHelpers.end(), name) != kHelpers.end();
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// What is known by its name to be missing; empty for anything else.
std::string hint_by_name(std::string_view name) {
    if (is_one_of(name, {"htons", "ntohs", "htonl", "ntohl"})) {
        return fmt::format("#include <bpf/bpf_endian.h> and call bpf_{}(): {}() is of the C library", name,
                           name);
    }
    if (name.starts_with("bpf_") &&
        is_one_of(name.substr(4), {"htons", "ntohs", "htonl", "ntohl", "cpu_to_be64", "be64_to_cpu"})) {
        return "#include <bpf/bpf_endian.h>";
    }
    if (is_one_of(name, {"memcpy", "memset", "memmove", "memcmp"})) {
        return fmt::format("call __builtin_{}() with a constant size: there is no C library in BPF", name);
    }
    if (is_one_of(name, {"printf", "printk", "bpf_printk"})) {
        return "#include <bpf/bpf_helpers.h> and call bpf_printk()";
    }
    if (name == "xdp_tally") {
        return "#include <xdp_tally/tally.bpf.h>";
    }
    if (name.starts_with("bpf_core_") || name.starts_with("BPF_CORE_READ")) {
        return "#include <bpf/bpf_core_read.h>";
    }
    if (is_helper(name)) {
        return "#include <bpf/bpf_helpers.h>";
    }
    if (name.starts_with("bpf_")) {
        return fmt::format(
            "declare it with __ksym, `extern ... {}(...) __ksym;`, if it is a function of the kernel", name);
    }
    return {};
}

std::optional<Fault> find_undefined(const ElfImage& elf) {
    const Externs externs = read_externs(elf);
    std::vector<std::string> undefined;
    for (const auto& symbol : elf.symbols()) {
        const bool global = symbol.binding() == STB_GLOBAL || symbol.binding() == STB_WEAK;
        if (global && symbol.symbol.st_shndx == SHN_UNDEF && !symbol.name.empty() &&
            externs.resolvable.count(symbol.name) == 0) {
            undefined.push_back(symbol.name);
        }
    }
    if (undefined.empty()) {
        return std::nullopt;
    }
    const std::string& first = undefined.front();
    std::string hint = hint_by_name(first);
    if (hint.empty() && externs.declared.count(first) > 0) {
        hint = fmt::format(
            "link it with the object that defines '{}', and load what comes out: "
            "`bpftool gen object linked.bpf.o FILE OTHER`",
            first);
    } else if (hint.empty()) {
        hint = fmt::format(
            "#include the header that defines '{}', or define it; clang -Wall names what C code uses "
            "undeclared",
            first);
    }
    constexpr std::size_t kNamed = 4;
    const std::size_t more = undefined.size() > kNamed ? undefined.size() - kNamed : 0;
    undefined.resize(undefined.size() - more);
    return Fault{fmt::format("it uses '{}'{}, which nothing defines", fmt::join(undefined, "', '"),
                             more > 0 ? fmt::format(" and {} more", more) : ""),
                 hint};
}

std::optional<Fault> find_static_program(const ElfImage& elf) {
    for (const auto& symbol : elf.symbols()) {
        if (symbol.type() != STT_FUNC || symbol.binding() != STB_LOCAL) {
            continue;
        }
        const auto section = std::find_if(
            elf.sections().begin(), elf.sections().end(),
            [&](const ElfImage::Section& candidate) { return candidate.index == symbol.symbol.st_shndx; });
        // In .text static functions are called by programs.
        if (section != elf.sections().end() && section->name != ".text") {
            return Fault{fmt::format("its program '{}' is static, and only a global function can be loaded",
                                     symbol.name),
                         fmt::format("remove `static` from the definition of '{}'", symbol.name)};
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<Fault> find_foreign_format(std::span<const unsigned char> image) {
    const auto starts_with = [&](std::string_view magic) {
        return image.size() >= magic.size() && std::memcmp(image.data(), magic.data(), magic.size()) == 0;
    };
    if (image.empty()) {
        return Fault{"it is empty, so it is not an ELF file", kCompile};
    }
    if (starts_with("BC\xC0\xDE")) {
        return Fault{"it is LLVM bitcode, not an ELF file",
                     "compile it without -emit-llvm and without -flto"};
    }
    if (!starts_with(ELFMAG)) {
        return Fault{"it is not an ELF file", kCompile};
    }
    constexpr std::size_t kType = offsetof(Elf64_Ehdr, e_type);
    constexpr std::size_t kMachine = offsetof(Elf64_Ehdr, e_machine);
    if (image.size() < sizeof(Elf64_Ehdr)) {
        return std::nullopt;
    }
    const unsigned machine = half_word(image, kMachine);
    if (machine != EM_BPF && machine != EM_NONE) {  // old compilers gave none
        return Fault{fmt::format("it is compiled for {}, not for BPF", machine_name(machine)), kCompile};
    }
    constexpr bool kBigEndian = std::endian::native == std::endian::big;
    if (image[EI_DATA] != (kBigEndian ? ELFDATA2MSB : ELFDATA2LSB) &&
        image[EI_DATA] == (kBigEndian ? ELFDATA2LSB : ELFDATA2MSB)) {
        return Fault{
            fmt::format("it is compiled for {0}-endian machines, and this one is {1}-endian",
                        kBigEndian ? "little" : "big", kBigEndian ? "big" : "little"),
            fmt::format("compile it with `clang -target {}`, or with `-target bpf` on a machine like this",
                        kBigEndian ? "bpfeb" : "bpfel")};
    }
    if (half_word(image, kType) == ET_EXEC || half_word(image, kType) == ET_DYN) {
        return Fault{"it is linked to a program or library, and not an object file", kCompile};
    }
    return std::nullopt;
}

std::optional<Fault> find_fault(std::span<const unsigned char> image) {
    const auto elf = ElfImage::open(image);
    if (!elf) {
        return std::nullopt;
    }
    const auto has = [&](auto of_kind) {
        return std::any_of(elf->sections().begin(), elf->sections().end(), of_kind);
    };
    const bool code = has([](const auto& section) { return (section.header.sh_flags & SHF_EXECINSTR) != 0; });
    const bool symbols = has([](const auto& section) { return section.header.sh_type == SHT_SYMTAB; });
    if (code && !symbols) {
        return Fault{"it has been stripped of its symbols, without which programs and maps have no names",
                     "compile it again; `llvm-strip -g` takes nothing but the debug information"};
    }
    auto found = find_static_program(*elf);
    return found ? found : find_undefined(*elf);
}

}  // namespace tally::loader
