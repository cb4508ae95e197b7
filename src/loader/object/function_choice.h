// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
// Which function of a BPF object is meant: by its name, by its section, or by default.
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "loader/object/object_sections.h"

namespace tally::loader {

// A function that libbpf takes for a program: one in a section of its own, or a global one in .text.
struct Function {
    std::string name;
    std::string section;
    // What its section makes it: "xdp", "devmap", "cpumap", libbpf's name of another program type
    // ("sched_cls"), or "unknown" where libbpf knows no such section. An unknown one is loaded as XDP.
    std::string kind;
    bool tail_call_target = false;  // the initial value of a map names it

    bool loadable() const { return kind == "xdp" || kind == "unknown"; }
};

struct FunctionChoice {
    std::size_t index = 0;
    std::string reason;          // why it is the default; empty: it was asked for
    std::size_t candidates = 1;  // how many functions it was chosen from
};

// In the order of the file.
std::vector<Function> list_functions(const bpf_object* object, const ObjectSections& sections);

// `name` and `section` empty: the default, which is the first function in a section "xdp" or "xdp.frags",
// else the first in an unknown section that begins with "xdp", else the only one in any unknown section.
// Targets of tail calls are the default only where nothing else is: clang puts them first. kNotFound where
// there is none. Pure.
Result<FunctionChoice> choose_function(std::span<const Function> functions, const std::string& name,
                                       const std::string& section, const std::string& file);

}  // namespace tally::loader
