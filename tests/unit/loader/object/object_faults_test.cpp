// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "loader/object/object_faults.h"

#include <elf.h>
#include <gmock/gmock.h>

#include <bit>
#include <cstring>
#include <vector>

namespace tally::loader {
namespace {

using testing::HasSubstr;

constexpr bool kBigEndian = std::endian::native == std::endian::big;

std::vector<unsigned char> elf_header(std::uint16_t machine, std::uint16_t type = ET_REL) {
    Elf64_Ehdr header = {};
    std::memcpy(static_cast<void*>(header.e_ident), ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = kBigEndian ? ELFDATA2MSB : ELFDATA2LSB;
    header.e_type = type;
    header.e_machine = machine;
    std::vector<unsigned char> image(sizeof(header));
    std::memcpy(image.data(), &header, sizeof(header));
    return image;
}

std::string reason(const std::vector<unsigned char>& image) {
    const auto fault = find_foreign_format(image);
    return fault ? fault->reason : "";
}

TEST(ObjectFaults, AnObjectOfThisMachineIsNotForeign) {
    EXPECT_EQ(reason(elf_header(EM_BPF)), "");
    EXPECT_EQ(reason(elf_header(EM_NONE)), "");
}

TEST(ObjectFaults, TheMachineIsNamed) {
    EXPECT_EQ(reason(elf_header(EM_X86_64)), "it is compiled for x86-64, not for BPF");
    EXPECT_EQ(reason(elf_header(EM_AARCH64, ET_DYN)), "it is compiled for arm64, not for BPF");
    EXPECT_THAT(reason(elf_header(EM_SPARC)), HasSubstr("ELF number 2"));
}

TEST(ObjectFaults, TheOtherByteOrder) {
    auto image = elf_header(EM_BPF);
    image[EI_DATA] = kBigEndian ? ELFDATA2LSB : ELFDATA2MSB;
    constexpr std::size_t kMachine = offsetof(Elf64_Ehdr, e_machine);
    std::swap(image[kMachine], image[kMachine + 1]);
    EXPECT_THAT(reason(image),
                HasSubstr(kBigEndian ? "for little-endian machines" : "for big-endian machines"));
}

TEST(ObjectFaults, WhatIsNoObjectFile) {
    EXPECT_THAT(reason(elf_header(EM_BPF, ET_EXEC)), HasSubstr("not an object file"));
    EXPECT_THAT(reason({}), HasSubstr("it is empty"));
    EXPECT_THAT(reason({'t', 'e', 'x', 't'}), HasSubstr("not an ELF file"));
    EXPECT_THAT(reason({'B', 'C', 0xC0, 0xDE, 0}), HasSubstr("bitcode"));
}

TEST(ObjectFaults, NothingIsKnownOfWhatIsCutOff) {
    EXPECT_EQ(reason({0x7F, 'E', 'L', 'F'}), "");
    EXPECT_FALSE(find_fault(elf_header(EM_BPF)));
}

}  // namespace
}  // namespace tally::loader
