// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Why an ELF file is no BPF object, or one that libbpf does not take: what people did, not what libbpf met.
#pragma once

#include <optional>
#include <span>
#include <string>

namespace tally::loader {

struct Fault {
    std::string reason;
    std::string hint;
};

// Of a file that was made for something else: text, another machine, the other byte order. Pure.
std::optional<Fault> find_foreign_format(std::span<const unsigned char> image);

// Of a BPF object that libbpf has refused: programs it does not take, names that nothing defines. None where
// the sections do not tell. Pure.
std::optional<Fault> find_fault(std::span<const unsigned char> image);

}  // namespace tally::loader
